// SPDX-License-Identifier: Apache-2.0
// AVX-VNNI's dot product on processors without it, under its native name. Used as emulated_avx512.h is.
#pragma once

#include <immintrin.h>

namespace slm::emulated::intrinsics {
namespace {

/// Four unsigned bytes of a by four signed ones of b, added to each int32: by halves of 16 bits, as maddubs saturates.
inline __m256i dpbusd(__m256i sums, __m256i a, __m256i b) {
  const __m256i even_a = _mm256_and_si256(a, _mm256_set1_epi16(0xff)), odd_a = _mm256_srli_epi16(a, 8);
  const __m256i even_b = _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8), odd_b = _mm256_srai_epi16(b, 8);
  const __m256i even = _mm256_madd_epi16(even_a, even_b), odd = _mm256_madd_epi16(odd_a, odd_b);
  return _mm256_add_epi32(sums, _mm256_add_epi32(even, odd));
}

}  // namespace
}  // namespace slm::emulated::intrinsics

#define _mm256_dpbusd_avx_epi32 slm::emulated::intrinsics::dpbusd
