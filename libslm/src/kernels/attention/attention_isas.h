// SPDX-License-Identifier: Apache-2.0
// What the translation units of attention give to the variant tables: one function per ISA that fills its row; and the
// one rule of storage they share. Plain data, internal linkage.
#pragma once

#include "slm/kernels/attention/attention.h"

namespace slm::kernels {

AttentionVariant attention_scalar(Isa isa, KvStorage storage);
AttentionVariant attention_avx2(Isa isa, KvStorage storage);
AttentionVariant attention_avx512vnni(Isa isa, KvStorage storage);
AttentionVariant attention_neon_dotprod(Isa isa, KvStorage storage);

/// What an F16 cache stores of a finite number beyond the largest half: that half. As infinity it would turn every
/// later token of the text into NaN (0 · ∞). Infinities and NaN, which say that the network itself overflowed, stay.
[[maybe_unused]] static float held_by_f16(float x) {
  constexpr float kMax = 65504.0f, kInfinity = __builtin_inff();
  if (x > kMax && x < kInfinity) return kMax;
  if (x < -kMax && x > -kInfinity) return -kMax;
  return x;
}

}  // namespace slm::kernels
