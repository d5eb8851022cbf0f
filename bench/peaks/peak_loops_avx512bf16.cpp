// SPDX-License-Identifier: Apache-2.0
// AVX-512 with dpbf16ps of 32 bfloat16; the rest as before.
#include "bench/peaks/lanes_avx512.h"
#include "kernels/isa_row.h"

namespace slm {
namespace {

void bf16(int64_t rounds) {
  __m512 sums[Lanes::kSums] = {};
  __m512i a = _mm512_set1_epi16(0x3f00);
  for (int64_t i = 0; i < rounds; ++i)
    for (__m512& sum : sums) {
      sum = _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(a));
      asm volatile("" : "+v"(sum));
    }
}

}  // namespace

SLM_ISA_ROW PeakLoops peak_loops_avx512bf16(kernels::Isa isa) {
  return SLM_PEAK_LOOPS_ROW(isa, Lanes, (ArithmeticLoop{Lanes::kSums * 32 * 2, bf16}));
}

}  // namespace slm
