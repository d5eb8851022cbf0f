// SPDX-License-Identifier: Apache-2.0
// Whether linears in training can be computed in bfloat16 here (GemmScratch).
#pragma once

#include "slm/kernels/isa.h"

namespace slm::test {

inline bool computes_bf16() {
  return kernels::selectable(kernels::Isa::Avx512Bf16) || kernels::forced_isa() == kernels::Isa::Scalar;
}

}  // namespace slm::test
