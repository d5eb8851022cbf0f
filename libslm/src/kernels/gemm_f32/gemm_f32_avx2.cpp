// SPDX-License-Identifier: Apache-2.0
// Float GEMM for AVX2 + FMA: a 6×16 register tile (12 sums, 2 columns, 1 broadcast of the 16 registers).
#include "kernels/gemm_f32/gemm_f32_body.h"
#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_avx2.h"

namespace slm::kernels {

SLM_ISA_ROW GemmVariant gemm_f32_avx2(Isa isa, GemmStorage storage) {
  const PanelLayout layout = panel_layout(16, storage == GemmStorage::F32 ? 4 : 2);
  GemmVariant v{isa,          storage,     "f32_6x16_avx2", 16,
                layout.bytes, layout.pack, layout.unpack,   PanelGemm<Simd, float, 6, 16, 12>::gemm};
  v.pack_columns = layout.pack_columns;
  if (storage == GemmStorage::BF16) {
    v.name = "bf16_6x16_avx2";
    v.gemm = PanelGemm<Simd, Bfloat, 6, 16, 12>::gemm;
  } else if (storage == GemmStorage::F16) {
    v.name = "f16_6x16_avx2";
    v.gemm = PanelGemm<Simd, Half, 6, 16, 12>::gemm;
  }
  return v;
}

}  // namespace slm::kernels
