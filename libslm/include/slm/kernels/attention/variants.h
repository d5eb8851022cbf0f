// SPDX-License-Identifier: Apache-2.0
// The tables of attention variants, best first.
#pragma once

#include <span>

#include "slm/kernels/attention/attention.h"
#include "slm/kernels/isa.h"

namespace slm::kernels {

std::span<const AttentionVariant> attention_variants(KvStorage storage);

}  // namespace slm::kernels
