// SPDX-License-Identifier: Apache-2.0
// AVX2: two fma of 8 floats a cycle; bytes by maddubs, madd and add, 32 products in three instructions.
#include <immintrin.h>

#include "bench/peaks/peak_loops.h"
#include "kernels/isa_row.h"

namespace slm {
namespace {

constexpr int kSums = 12;  // independent: more than latency × throughput, and with the operands all 16 registers hold

void f32(int64_t rounds) {
  __m256 sums[kSums] = {}, a = _mm256_set1_ps(1e-3f), b = _mm256_set1_ps(1e-3f);
  for (int64_t i = 0; i < rounds; ++i)
    for (__m256& sum : sums) {
      sum = _mm256_fmadd_ps(a, b, sum);
      asm volatile("" : "+x"(sum));
    }
}

void int8(int64_t rounds) {
  __m256i sums[kSums] = {}, a = _mm256_set1_epi8(1), b = _mm256_set1_epi8(1);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t i = 0; i < rounds; ++i)
    for (__m256i& sum : sums) {
      asm volatile("" : "+x"(a));  // another a: nothing is computed once for all rounds
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
      asm volatile("" : "+x"(sum));
    }
}

void read(const std::byte* from, size_t bytes, size_t ahead) {
  __m256i any[4] = {};
  for (size_t at = 0; at < bytes; at += 128) {
    if (ahead > 0) {
      _mm_prefetch(reinterpret_cast<const char*>(from + at + ahead), _MM_HINT_T0);
      _mm_prefetch(reinterpret_cast<const char*>(from + at + ahead + 64), _MM_HINT_T0);
    }
    for (size_t i = 0; i < 4; ++i)
      any[i] = _mm256_or_si256(any[i], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at) + i));
  }
  for (__m256i& x : any) asm volatile("" : : "x"(x));
}

}  // namespace

SLM_ISA_ROW PeakLoops peak_loops_avx2(kernels::Isa isa) {
  return {.isa = isa, .f32 = {kSums * 8 * 2, f32}, .int8 = {kSums * 32 * 2, int8}, .read = read};
}

}  // namespace slm
