// SPDX-License-Identifier: Apache-2.0
// The table of products of floats in bfloat16, best first.
#include <array>

#include "kernels/gemm_bf16/gemm_bf16_isas.h"
#include "slm/kernels/gemm_variants.h"

namespace slm::kernels {

std::span<const GemmVariant> gemm_bf16_compute_variants() {
  static const std::array variants = {
#if defined(__x86_64__)
    gemm_bf16_avx512bf16(Isa::Avx512Bf16),
#endif
    gemm_bf16_scalar(Isa::Scalar),
  };
  return variants;
}

}  // namespace slm::kernels
