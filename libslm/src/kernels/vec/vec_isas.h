// SPDX-License-Identifier: Apache-2.0
// What the translation units of vec give to the variant table: one function per ISA that fills its row. Plain data.
#pragma once

#include "slm/kernels/vec/vec.h"

namespace slm::kernels {

VecVariant vec_scalar(Isa isa);
VecVariant vec_avx2(Isa isa);
VecVariant vec_avx512vnni(Isa isa);
VecVariant vec_neon_dotprod(Isa isa);

}  // namespace slm::kernels
