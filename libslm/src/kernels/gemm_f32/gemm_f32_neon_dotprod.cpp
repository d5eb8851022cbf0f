// SPDX-License-Identifier: Apache-2.0
// Float GEMM for AArch64 NEON: a 6×16 register tile (24 sums, 4 columns, 1 broadcast of the 32 registers).
#include "kernels/gemm_f32/gemm_f32_body.h"
#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_neon.h"

namespace slm::kernels {

SLM_ISA_ROW GemmVariant gemm_f32_neon_dotprod(Isa isa, GemmStorage storage) {
  const PanelLayout layout = panel_layout(16, storage == GemmStorage::F32 ? 4 : 2);
  GemmVariant v{isa,          storage,     "f32_6x16_neon_dotprod", 16,
                layout.bytes, layout.pack, layout.unpack,           PanelGemm<Simd, float, 6, 16, 24>::gemm};
  v.pack_columns = layout.pack_columns;
  if (storage == GemmStorage::BF16) {
    v.name = "bf16_6x16_neon_dotprod";
    v.gemm = PanelGemm<Simd, Bfloat, 6, 16, 24>::gemm;
  } else if (storage == GemmStorage::F16) {
    v.name = "f16_6x16_neon_dotprod";
    v.gemm = PanelGemm<Simd, Half, 6, 16, 24>::gemm;
  }
  return v;
}

}  // namespace slm::kernels
