// SPDX-License-Identifier: Apache-2.0
// AVX-512 on processors without it: SIMDe's emulation under the native names, and the few intrinsics SIMDe 0.7 lacks.
// A file tests/kernels/<family>_emulated.cpp compiles the family's _avx512vnni.cpp a second time against this:
//   #include "tests/support/emulated_avx512.h"
//   #include "slm/kernels/<POD header>.h"          before the next line, so that the types stay slm::kernels'
//   namespace slm::emulated { using namespace slm::kernels; }
//   #define kernels emulated                       the functions become slm::emulated::…
//   #include "kernels/<family>/<family>_avx512vnni.cpp"
// and the family's test adds them to its variants as "…(emulated)", where SLM_EMULATED_AVX512 is defined
// (tests/CMakeLists.txt). Such a file is compiled with -mavx2 -mfma -mf16c,
// so it must include nothing that defines inline functions or templates.
#pragma once

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <immintrin.h>
#include <simde/x86/avx512.h>

namespace slm::emulated::intrinsics {
namespace {

inline simde__m512 join(__m256 low, __m256 high) {
  simde__m512_private r;
  r.m256[0] = low;
  r.m256[1] = high;
  return simde__m512_from_private(r);
}
inline simde__m512i join(__m256i low, __m256i high) {
  simde__m512i_private r;
  r.m256i[0] = low;
  r.m256i[1] = high;
  return simde__m512i_from_private(r);
}
inline simde__m512d join(__m256d low, __m256d high) {
  simde__m512d_private r;
  r.m256d[0] = low;
  r.m256d[1] = high;
  return simde__m512d_from_private(r);
}
inline __m256 half(simde__m512 v, int i) { return simde__m512_to_private(v).m256[i]; }
inline __m256i half(simde__m512i v, int i) { return simde__m512i_to_private(v).m256i[i]; }
inline __m256d half(simde__m512d v, int i) { return simde__m512d_to_private(v).m256d[i]; }

inline simde__m512 cvtph_ps(__m256i h) {
  return join(_mm256_cvtph_ps(_mm256_castsi256_si128(h)), _mm256_cvtph_ps(_mm256_extracti128_si256(h, 1)));
}
inline __m256i cvtps_ph(simde__m512 v, int) {  // the one rounding kernels use: to nearest even
  const __m128i low = _mm256_cvtps_ph(half(v, 0), 0), high = _mm256_cvtps_ph(half(v, 1), 0);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}
inline simde__m512d cvtps_pd(__m256 v) {
  return join(_mm256_cvtps_pd(_mm256_castps256_ps128(v)), _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
}
inline simde__m512i cvtps_epi32(simde__m512 v) {
  return join(_mm256_cvtps_epi32(half(v, 0)), _mm256_cvtps_epi32(half(v, 1)));
}
inline simde__m512i cvttps_epi32(simde__m512 v) {
  return join(_mm256_cvttps_epi32(half(v, 0)), _mm256_cvttps_epi32(half(v, 1)));
}
inline simde__m512 cvtepi32_ps(simde__m512i v) {
  return join(_mm256_cvtepi32_ps(half(v, 0)), _mm256_cvtepi32_ps(half(v, 1)));
}
inline simde__m512i cvtepu16_epi32(__m256i v) {
  return join(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(v)), _mm256_cvtepu16_epi32(_mm256_extracti128_si256(v, 1)));
}
inline __m128i cvtepi32_epi8(simde__m512i v) {
  alignas(64) int32_t lanes[16];
  alignas(16) int8_t bytes[16];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), half(v, 0));
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes + 8), half(v, 1));
  for (int i = 0; i < 16; ++i) bytes[i] = static_cast<int8_t>(lanes[i]);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
}
inline simde__m512 maskz_loadu_ps(uint16_t mask, const void* p) {
  alignas(64) float lanes[16] = {};
  for (int i = 0; i < 16; ++i)
    if ((mask >> i) & 1) lanes[i] = static_cast<const float*>(p)[i];
  return join(_mm256_load_ps(lanes), _mm256_load_ps(lanes + 8));
}
inline void mask_storeu_ps(void* p, uint16_t mask, simde__m512 v) {
  alignas(64) float lanes[16];
  _mm256_store_ps(lanes, half(v, 0));
  _mm256_store_ps(lanes + 8, half(v, 1));
  for (int i = 0; i < 16; ++i)
    if ((mask >> i) & 1) static_cast<float*>(p)[i] = lanes[i];
}
inline float reduce_max_ps(simde__m512 v) {
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, _mm256_max_ps(half(v, 0), half(v, 1)));
  float m = lanes[0];
  for (int i = 1; i < 8; ++i) m = lanes[i] > m ? lanes[i] : m;
  return m;
}
inline float reduce_add_ps(simde__m512 v) {
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, _mm256_add_ps(half(v, 0), half(v, 1)));
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}
inline double reduce_add_pd(simde__m512d v) {
  alignas(32) double lanes[4];
  _mm256_store_pd(lanes, _mm256_add_pd(half(v, 0), half(v, 1)));
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}
inline int reduce_add_epi32(simde__m512i v) {
  alignas(32) int32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm256_add_epi32(half(v, 0), half(v, 1)));
  int sum = 0;
  for (int lane : lanes) sum += lane;
  return sum;
}
inline int reduce_max_epi32(simde__m512i v) {
  alignas(32) int32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm256_max_epi32(half(v, 0), half(v, 1)));
  int m = lanes[0];
  for (int lane : lanes) m = lane > m ? lane : m;
  return m;
}
inline simde__m512 scalef_ps(simde__m512 v, simde__m512 n) {
  alignas(64) float values[16], powers[16];
  for (int i = 0; i < 2; ++i) {
    _mm256_store_ps(values + 8 * i, half(v, i));
    _mm256_store_ps(powers + 8 * i, half(n, i));
  }
  for (int i = 0; i < 16; ++i)
    values[i] = powers[i] == powers[i] ? __builtin_ldexpf(values[i], static_cast<int>(powers[i])) : powers[i];
  return join(_mm256_load_ps(values), _mm256_load_ps(values + 8));
}
inline __m256 extractf32x8_ps(simde__m512 v, int i) { return half(v, i); }

}  // namespace
}  // namespace slm::emulated::intrinsics

#undef _mm512_cvtph_ps
#undef _mm512_cvtps_ph
#undef _mm512_cvtps_pd
#undef _mm512_cvtps_epi32
#undef _mm512_cvttps_epi32
#undef _mm512_cvtepi32_ps
#undef _mm512_cvtepu16_epi32
#undef _mm512_cvtepi32_epi8
#undef _mm512_maskz_loadu_ps
#undef _mm512_mask_storeu_ps
#undef _mm512_reduce_max_ps
#undef _mm512_reduce_add_ps
#undef _mm512_reduce_add_pd
#undef _mm512_reduce_add_epi32
#undef _mm512_reduce_max_epi32
#undef _mm512_extractf32x8_ps
#undef _mm512_scalef_ps
#define _mm512_cvtph_ps(v) slm::emulated::intrinsics::cvtph_ps(v)
#define _mm512_cvtps_ph(v, r) slm::emulated::intrinsics::cvtps_ph(v, r)
#define _mm512_cvtps_pd(v) slm::emulated::intrinsics::cvtps_pd(v)
#define _mm512_cvtps_epi32(v) slm::emulated::intrinsics::cvtps_epi32(v)
#define _mm512_cvttps_epi32(v) slm::emulated::intrinsics::cvttps_epi32(v)
#define _mm512_cvtepi32_ps(v) slm::emulated::intrinsics::cvtepi32_ps(v)
#define _mm512_cvtepu16_epi32(v) slm::emulated::intrinsics::cvtepu16_epi32(v)
#define _mm512_cvtepi32_epi8(v) slm::emulated::intrinsics::cvtepi32_epi8(v)
#define _mm512_maskz_loadu_ps(m, p) slm::emulated::intrinsics::maskz_loadu_ps(m, p)
#define _mm512_mask_storeu_ps(p, m, v) slm::emulated::intrinsics::mask_storeu_ps(p, m, v)
#define _mm512_reduce_max_ps(v) slm::emulated::intrinsics::reduce_max_ps(v)
#define _mm512_reduce_add_ps(v) slm::emulated::intrinsics::reduce_add_ps(v)
#define _mm512_reduce_add_pd(v) slm::emulated::intrinsics::reduce_add_pd(v)
#define _mm512_reduce_add_epi32(v) slm::emulated::intrinsics::reduce_add_epi32(v)
#define _mm512_reduce_max_epi32(v) slm::emulated::intrinsics::reduce_max_epi32(v)
#define _mm512_scalef_ps(v, n) slm::emulated::intrinsics::scalef_ps(v, n)
#define _mm512_extractf32x8_ps(v, i) slm::emulated::intrinsics::extractf32x8_ps(v, i)
