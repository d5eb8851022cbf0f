// SPDX-License-Identifier: Apache-2.0
// The dynamic symmetric int8 rule of activations (a8g32, a8t), written once for all variants:
//   scale = amax / 127,  inverse = 127 / amax,  code = rint(x · inverse)        each rounded once in float
// amax comes as the bits of the largest |x|, ordered as integers: a NaN is above infinity.
// All codes are 0 where amax is 0, where 127/amax overflows (amax < 2⁻¹²¹), and where amax is infinite or NaN; in the
// last case the scale is ∞ or NaN, so that the broken row stays visible.
// Included by ISA translation units too; internal linkage.
#pragma once

#include <cstdint>

namespace slm::kernels {
namespace {

struct QuantizeRule {
  float scale;
  float inverse;  ///< 0: all codes are 0
};

inline QuantizeRule quantize_rule(uint32_t amax_bits) {
  constexpr uint32_t kInfinity = 0x7f800000u;
  if (amax_bits > kInfinity) return {__builtin_nanf(""), 0.0f};
  if (amax_bits == kInfinity) return {__builtin_inff(), 0.0f};
  const float amax = __builtin_bit_cast(float, amax_bits);
  if (amax == 0.0f) return {0.0f, 0.0f};
  const float inverse = 127.0f / amax;
  return {amax / 127.0f, inverse == __builtin_inff() ? 0.0f : inverse};
}

/// The largest |x| of 32 values, as bits.
template <class S>
uint32_t max_abs_bits_32(const float* x) {
  typename S::MaxAbs largest;
  largest.add_32(x);
  return largest.bits();
}

}  // namespace
}  // namespace slm::kernels
