// SPDX-License-Identifier: Apache-2.0
// Vector kernels for AVX-512: the bodies of vec_body.h on its lanes.
#include "kernels/isa_row.h"
#include "kernels/vec/simd_avx512.h"
#include "kernels/vec/vec_body.h"
#include "kernels/vec/vec_isas.h"

namespace slm::kernels {

SLM_ISA_ROW VecVariant vec_avx512vnni(Isa isa) { return vec_row<VecKernels<Simd>>(isa, "avx512vnni"); }

}  // namespace slm::kernels
