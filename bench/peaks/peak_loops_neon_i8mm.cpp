// SPDX-License-Identifier: Apache-2.0
// NEON with smmla, 2×8 by 8×2 bytes; the rest as before.
#include "bench/peaks/lanes_neon.h"
#include "kernels/isa_row.h"

namespace slm {
namespace {

struct MatrixLanes : Lanes {
  static constexpr int64_t kByteProducts = 32;
  static void multiply_add_bytes(Integers& sum, Integers& a) {
    sum = vmmlaq_s32(sum, vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(a));
    asm volatile("" : "+w"(sum));
  }
};

}  // namespace

SLM_ISA_ROW PeakLoops peak_loops_neon_i8mm(kernels::Isa isa) { return SLM_PEAK_LOOPS_ROW(isa, MatrixLanes, {}); }

}  // namespace slm
