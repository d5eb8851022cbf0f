// SPDX-License-Identifier: Apache-2.0
// The table of vector kernels, best first.
#pragma once

#include <span>

#include "slm/kernels/isa.h"
#include "slm/kernels/vec/vec.h"

namespace slm::kernels {

std::span<const VecVariant> vec_variants();

}  // namespace slm::kernels
