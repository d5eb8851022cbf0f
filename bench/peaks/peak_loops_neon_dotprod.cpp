// SPDX-License-Identifier: Apache-2.0
// NEON with sdot.
#include "bench/peaks/lanes_neon.h"
#include "kernels/isa_row.h"

namespace slm {

SLM_ISA_ROW PeakLoops peak_loops_neon_dotprod(kernels::Isa isa) { return SLM_PEAK_LOOPS_ROW(isa, Lanes, {}); }

}  // namespace slm
