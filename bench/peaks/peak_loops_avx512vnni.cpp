// SPDX-License-Identifier: Apache-2.0
// AVX-512: fma of 16 floats, vpdpbusd of 64 bytes.
#include <immintrin.h>

#include "bench/peaks/peak_loops.h"
#include "kernels/isa_row.h"

namespace slm {
namespace {

constexpr int kSums = 12;  // independent: latency × throughput is 8

void f32(int64_t rounds) {
  __m512 sums[kSums] = {}, a = _mm512_set1_ps(1e-3f), b = _mm512_set1_ps(1e-3f);
  for (int64_t i = 0; i < rounds; ++i)
    for (__m512& sum : sums) {
      sum = _mm512_fmadd_ps(a, b, sum);
      asm volatile("" : "+v"(sum));
    }
}

void int8(int64_t rounds) {
  __m512i sums[kSums] = {}, a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(1);
  for (int64_t i = 0; i < rounds; ++i)
    for (__m512i& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, a, b);
      asm volatile("" : "+v"(sum));
    }
}

void read(const std::byte* from, size_t bytes, size_t ahead) {
  __m512i any[4] = {};
  for (size_t at = 0; at < bytes; at += 256) {
    if (ahead > 0)
      for (size_t line = 0; line < 4; ++line)
        _mm_prefetch(reinterpret_cast<const char*>(from + at + ahead + 64 * line), _MM_HINT_T0);
    for (size_t i = 0; i < 4; ++i)
      any[i] = _mm512_or_si512(any[i], _mm512_loadu_si512(reinterpret_cast<const __m512i*>(from + at) + i));
  }
  for (__m512i& x : any) asm volatile("" : : "v"(x));
}

}  // namespace

SLM_ISA_ROW PeakLoops peak_loops_avx512vnni(kernels::Isa isa) {
  return {.isa = isa, .f32 = {kSums * 16 * 2, f32}, .int8 = {kSums * 64 * 2, int8}, .read = read};
}

}  // namespace slm
