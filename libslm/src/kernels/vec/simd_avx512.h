// SPDX-License-Identifier: Apache-2.0
// Simd for AVX-512 (F, BW, DQ, VL): sixteen float lanes under the names the kernel bodies are written in.
// Only _avx512vnni.cpp files include it; everything has internal linkage.
// In min and max a NaN in the second operand wins, which the bodies rely on to let NaN through.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx512_intrinsics.h"
#include "kernels/vec/simd_elements.h"

namespace slm::kernels {
namespace {

struct Simd {
  using V = __m512;
  static constexpr int kWidth = 16;

  static V zero() { return _mm512_setzero_ps(); }
  static V set(float x) { return _mm512_set1_ps(x); }
  static V load(const float* p) { return _mm512_loadu_ps(p); }
  static V load(const Half* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static V load(const Bfloat* p) {
    const __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
  }
  static void store(float* p, V v) { _mm512_storeu_ps(p, v); }
  static void store(Half* p, V v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }

  static V add(V a, V b) { return _mm512_add_ps(a, b); }
  static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static V div(V a, V b) { return _mm512_div_ps(a, b); }
  static V sqrt(V a) { return _mm512_sqrt_ps(a); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
  static V min(V a, V b) { return _mm512_min_ps(a, b); }
  static V max(V a, V b) { return _mm512_max_ps(a, b); }
  static V negative_magnitude(V v) {
    return _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(v), _mm512_set1_epi32(INT32_MIN)));
  }
  static V round(V v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static V trunc(V v) { return _mm512_cvtepi32_ps(_mm512_cvttps_epi32(v)); }  // |v| < 2³¹
  /// where z is negative a, else b
  static V select_negative(V z, V a, V b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(z, _mm512_setzero_ps(), _CMP_LT_OQ), b, a);
  }
  /// lanes lo ≤ first + lane < hi of v, elsewhere −∞
  static V keep(V v, int first, int lo, int hi) {
    const auto lanes_below = [first](int limit) {
      const int count = limit - first;
      return count <= 0 ? 0u : count >= kWidth ? 0xffffu : (1u << count) - 1u;
    };
    const __mmask16 kept = static_cast<__mmask16>(lanes_below(hi) & ~lanes_below(lo));
    return _mm512_mask_blend_ps(kept, _mm512_set1_ps(-__builtin_inff()), v);
  }
  /// v · 2ⁿ for whole n, rounded once
  static V scale2(V v, V n) { return _mm512_scalef_ps(v, n); }

  static float max_lanes(V v) { return _mm512_reduce_max_ps(v); }
  static float sum_lanes(V v) { return _mm512_reduce_add_ps(v); }

  /// A sum of lanes carried in double.
  struct DoubleSum {
    __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
    void add(V v) {
      low = _mm512_add_pd(low, _mm512_cvtps_pd(_mm512_castps512_ps256(v)));
      high = _mm512_add_pd(high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)));
    }
    void add_square(V v) {
      const __m512d a = _mm512_cvtps_pd(_mm512_castps512_ps256(v)), b = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
      low = _mm512_fmadd_pd(a, a, low);
      high = _mm512_fmadd_pd(b, b, high);
    }
    double total() const { return _mm512_reduce_add_pd(_mm512_add_pd(low, high)); }
  };

  /// Nearest half of x as a float.
  static float round_to_half(float x) {
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT)));
  }
  static uint16_t half_bits(float x) {
    return static_cast<uint16_t>(_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT)));
  }
  /// The largest |x| as bits: ordered as integers, so a NaN is above infinity.
  struct MaxAbs {
    __m512i lanes = _mm512_setzero_si512();
    void add_32(const float* x) {
      const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
      const __m512i a = _mm512_and_si512(magnitude, _mm512_loadu_si512(x));
      const __m512i b = _mm512_and_si512(magnitude, _mm512_loadu_si512(x + 16));
      lanes = _mm512_max_epi32(lanes, _mm512_max_epi32(a, b));
    }
    uint32_t bits() const { return static_cast<uint32_t>(_mm512_reduce_max_epi32(lanes)); }
  };
  /// Index of the first of 32 values whose |x| has these bits; one has.
  static int first_of_magnitude_32(const float* x, uint32_t bits) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff), wanted = _mm512_set1_epi32(static_cast<int32_t>(bits));
    const uint32_t a = _mm512_cmpeq_epi32_mask(_mm512_and_si512(magnitude, _mm512_loadu_si512(x)), wanted);
    const uint32_t b = _mm512_cmpeq_epi32_mask(_mm512_and_si512(magnitude, _mm512_loadu_si512(x + 16)), wanted);
    return __builtin_ctz(a | (b << 16));
  }
  struct CodeSum {
    __m512i lanes = _mm512_setzero_si512();
    int32_t total() const { return _mm512_reduce_add_epi32(lanes); }
  };
  /// codes[i] = rint(x[i] · inverse), |product| ≤ 127.5, i < 32, added to sum.
  static void encode_32(const float* x, float inverse, int8_t* codes, CodeSum& sum) {
    const __m512 scale = _mm512_set1_ps(inverse);
    const __m512i a = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), scale));
    const __m512i b = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 16), scale));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes), _mm512_cvtepi32_epi8(a));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + 16), _mm512_cvtepi32_epi8(b));
    sum.lanes = _mm512_add_epi32(sum.lanes, _mm512_add_epi32(a, b));
  }
};

}  // namespace
}  // namespace slm::kernels
