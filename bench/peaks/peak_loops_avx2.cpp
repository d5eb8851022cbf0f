// SPDX-License-Identifier: Apache-2.0
#include "bench/peaks/lanes_avx2.h"
#include "kernels/isa_row.h"

namespace slm {

SLM_ISA_ROW PeakLoops peak_loops_avx2(kernels::Isa isa) { return SLM_PEAK_LOOPS_ROW(isa, Lanes, {}); }

}  // namespace slm
