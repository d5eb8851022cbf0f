// SPDX-License-Identifier: Apache-2.0
// Simd for AVX2 + FMA + F16C: eight float lanes under the names the kernel bodies are written in.
// Only _avx2.cpp files include it; everything has internal linkage.
// In min and max a NaN in the second operand wins, which the bodies rely on to let NaN through.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/vec/simd_elements.h"

namespace slm::kernels {
namespace {

struct Simd {
  using V = __m256;
  static constexpr int kWidth = 8;

  static V zero() { return _mm256_setzero_ps(); }
  static V set(float x) { return _mm256_set1_ps(x); }
  static V load(const float* p) { return _mm256_loadu_ps(p); }
  static V load(const Half* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static V load(const Bfloat* p) {
    const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
  }
  static void store(float* p, V v) { _mm256_storeu_ps(p, v); }
  static void store(Half* p, V v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }

  static V add(V a, V b) { return _mm256_add_ps(a, b); }
  static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
  static V div(V a, V b) { return _mm256_div_ps(a, b); }
  static V sqrt(V a) { return _mm256_sqrt_ps(a); }
  static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
  static V min(V a, V b) { return _mm256_min_ps(a, b); }
  static V max(V a, V b) { return _mm256_max_ps(a, b); }
  static V negative_magnitude(V v) { return _mm256_or_ps(v, _mm256_set1_ps(-0.0f)); }
  static V round(V v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static V trunc(V v) { return _mm256_round_ps(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
  /// where z is negative a, else b
  static V select_negative(V z, V a, V b) { return _mm256_blendv_ps(b, a, z); }
  /// lanes lo ≤ first + lane < hi of v, elsewhere −∞
  static V keep(V v, int first, int lo, int hi) {
    const __m256i lane = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(first));
    const __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(lo), lane);
    const __m256i inside = _mm256_cmpgt_epi32(_mm256_set1_epi32(hi), lane);
    return _mm256_blendv_ps(_mm256_set1_ps(-__builtin_inff()), v,
                            _mm256_castsi256_ps(_mm256_andnot_si256(below, inside)));
  }
  /// v · 2ⁿ for whole n in [−151, 129]: two factors, so that subnormal and overflowing results round once
  static V scale2(V v, V n) {
    const __m256i whole = _mm256_cvtps_epi32(n);
    const __m256i half = _mm256_srai_epi32(whole, 1);
    const __m256i bias = _mm256_set1_epi32(127);
    const __m256i e0 = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    const __m256i e1 = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(v, _mm256_castsi256_ps(e0)), _mm256_castsi256_ps(e1));
  }

  static float max_lanes(V v) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
  }
  static float sum_lanes(V v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }

  /// A sum of lanes carried in double.
  struct DoubleSum {
    __m256d low = _mm256_setzero_pd(), high = _mm256_setzero_pd();
    void add(V v) {
      low = _mm256_add_pd(low, _mm256_cvtps_pd(_mm256_castps256_ps128(v)));
      high = _mm256_add_pd(high, _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
    }
    void add_square(V v) {
      const __m256d a = _mm256_cvtps_pd(_mm256_castps256_ps128(v)), b = _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
      low = _mm256_fmadd_pd(a, a, low);
      high = _mm256_fmadd_pd(b, b, high);
    }
    double total() const {
      const __m256d s = _mm256_add_pd(low, high);
      const __m128d t = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
      return _mm_cvtsd_f64(_mm_add_sd(t, _mm_unpackhi_pd(t, t)));
    }
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
    __m256i lanes = _mm256_setzero_si256();
    void add_32(const float* x) {
      const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
      for (int i = 0; i < 32; i += 8) {
        const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
        lanes = _mm256_max_epi32(lanes, _mm256_and_si256(magnitude, v));
      }
    }
    uint32_t bits() const {
      __m128i n = _mm_max_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
      n = _mm_max_epi32(n, _mm_shuffle_epi32(n, 0x4e));
      n = _mm_max_epi32(n, _mm_shuffle_epi32(n, 0xb1));
      return static_cast<uint32_t>(_mm_cvtsi128_si32(n));
    }
  };
  /// Index of the first of 32 values whose |x| has these bits; one has.
  static int first_of_magnitude_32(const float* x, uint32_t bits) {
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff), wanted = _mm256_set1_epi32(static_cast<int32_t>(bits));
    uint32_t found = 0;
    for (int i = 0; i < 32; i += 8) {
      const __m256i v = _mm256_and_si256(magnitude, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i)));
      const int equal = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(v, wanted)));
      found |= static_cast<uint32_t>(equal) << i;
    }
    return __builtin_ctz(found);
  }
  struct CodeSum {
    __m256i lanes = _mm256_setzero_si256();
    int32_t total() const {
      __m128i s = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
      s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
      return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
    }
  };
  /// codes[i] = rint(x[i] · inverse), |product| ≤ 127.5, i < 32, added to sum.
  static void encode_32(const float* x, float inverse, int8_t* codes, CodeSum& sum) {
    const __m256 scale = _mm256_set1_ps(inverse);
    __m256i q[4];
    for (int i = 0; i < 4; ++i) q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), scale));
    const __m256i of_these = _mm256_add_epi32(_mm256_add_epi32(q[0], q[1]), _mm256_add_epi32(q[2], q[3]));
    const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);  // the packs interleave 128-bit halves
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes), _mm256_permutevar8x32_epi32(packed, order));
    sum.lanes = _mm256_add_epi32(sum.lanes, of_these);
  }
};

}  // namespace
}  // namespace slm::kernels
