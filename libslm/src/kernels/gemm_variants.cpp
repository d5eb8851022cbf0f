// SPDX-License-Identifier: Apache-2.0
// From a weight storage to the table of its variants.
#include "slm/kernels/gemm_variants.h"

namespace slm::kernels {

std::span<const GemmVariant> gemm_variants(GemmStorage storage) {
  switch (storage) {
    case GemmStorage::F32:
      return gemm_f32_variants();
    case GemmStorage::BF16:
      return gemm_bf16_variants();
    case GemmStorage::F16:
      return gemm_f16_variants();
    case GemmStorage::Q8C:
      return gemm_q8c_variants();
    case GemmStorage::Q8_0:
      return gemm_q8_0_variants();
    case GemmStorage::Q4_0:
      return gemm_q4_0_variants();
    case GemmStorage::Q4_1:
      return gemm_q4_1_variants();
  }
  return {};
}

}  // namespace slm::kernels
