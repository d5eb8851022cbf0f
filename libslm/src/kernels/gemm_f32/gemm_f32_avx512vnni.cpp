// SPDX-License-Identifier: Apache-2.0
// Float GEMM for AVX-512: a 12×32 register tile (24 sums, 2 columns; the broadcast is part of the fma).
#include "kernels/gemm_f32/gemm_f32_body.h"
#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_avx512.h"

namespace slm::kernels {

SLM_ISA_ROW GemmVariant gemm_f32_avx512vnni(Isa isa, GemmStorage storage) {
  const PanelLayout layout = panel_layout(32, storage == GemmStorage::F32 ? 4 : 2);
  GemmVariant v{isa,          storage,     "f32_12x32_avx512vnni", 32,
                layout.bytes, layout.pack, layout.unpack,          PanelGemm<Simd, float, 12, 32, 24>::gemm};
  v.pack_columns = layout.pack_columns;
  if (storage == GemmStorage::BF16) {
    v.name = "bf16_12x32_avx512vnni";
    v.gemm = PanelGemm<Simd, Bfloat, 12, 32, 24>::gemm;
  } else if (storage == GemmStorage::F16) {
    v.name = "f16_12x32_avx512vnni";
    v.gemm = PanelGemm<Simd, Half, 12, 32, 24>::gemm;
  }
  return v;
}

}  // namespace slm::kernels
