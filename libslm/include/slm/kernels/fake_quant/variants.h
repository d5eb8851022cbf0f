// SPDX-License-Identifier: Apache-2.0
// The table of fake quantization kernels, best first.
#pragma once

#include <span>

#include "slm/kernels/fake_quant/fake_quant.h"
#include "slm/kernels/isa.h"

namespace slm::kernels {

std::span<const FakeQuantVariant> fake_quant_variants();

}  // namespace slm::kernels
