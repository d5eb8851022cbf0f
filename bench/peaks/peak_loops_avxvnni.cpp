// SPDX-License-Identifier: Apache-2.0
// AVX2 with vpdpbusd of 32 bytes; the rest as before.
#include "bench/peaks/lanes_avx2.h"
#include "kernels/isa_row.h"

namespace slm {
namespace {

struct VnniLanes : Lanes {
  static void multiply_add_bytes(Integers& sum, Integers& a) {
    asm volatile("" : "+x"(a));
    sum = _mm256_dpbusd_avx_epi32(sum, a, a);
    asm volatile("" : "+x"(sum));
  }
};

}  // namespace

SLM_ISA_ROW PeakLoops peak_loops_avxvnni(kernels::Isa isa) { return SLM_PEAK_LOOPS_ROW(isa, VnniLanes, {}); }

}  // namespace slm
