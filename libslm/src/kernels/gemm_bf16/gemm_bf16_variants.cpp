// SPDX-License-Identifier: Apache-2.0
// The table of products of floats in bfloat16, best first.
#include <array>

#include "kernels/gemm_bf16/gemm_bf16_isas.h"
#include "slm/kernels/gemm_variants.h"

namespace slm::kernels {

GemmVariant gemm_bf16_row(Isa isa, const char* name, void (*pack)(const PackArgs&),
                          void (*pack_columns)(const PackColumnsArgs&), void (*gemm)(const GemmArgs&)) {
  return {.isa = isa,
          .storage = GemmStorage::F32,
          .name = name,
          .panel_columns = kBf16PanelColumns,
          .panel_bytes = bf16_panel_bytes,
          .pack = pack,
          .unpack = nullptr,
          .gemm = gemm,
          .pack_columns = pack_columns};
}

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
