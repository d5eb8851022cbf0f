// SPDX-License-Identifier: Apache-2.0
// Vector kernels for NEON: the bodies of vec_body.h on its lanes.
#include "kernels/isa_row.h"
#include "kernels/vec/simd_neon.h"
#include "kernels/vec/vec_body.h"
#include "kernels/vec/vec_isas.h"

namespace slm::kernels {

SLM_ISA_ROW VecVariant vec_neon_dotprod(Isa isa) { return vec_row<VecKernels<Simd>>(isa, "neon_dotprod"); }

}  // namespace slm::kernels
