// SPDX-License-Identifier: Apache-2.0
// What the 4-bit GEMMs share on NEON. Included by ISA translation units only; internal linkage.
#pragma once

#include <arm_neon.h>

#include "slm/kernels/gemm_q4/gemm_q4.h"

namespace slm::kernels {
namespace {

// Signed codes of nibbles: Q4_0's zero point is 8, Q4_1 has a minimum instead.
template <class Group>
[[gnu::always_inline]] inline int8x16_t code_of(uint8x16_t nibbles, const Group& group) {
  const int8x16_t codes = vreinterpretq_s8_u8(nibbles);
  if constexpr (requires { group.m; })
    return codes;
  else
    return vsubq_s8(codes, vdupq_n_s8(8));
}

}  // namespace
}  // namespace slm::kernels
