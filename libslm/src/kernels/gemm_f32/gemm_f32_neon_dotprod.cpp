// SPDX-License-Identifier: Apache-2.0
// Float GEMM for AArch64 NEON: a 6×16 register tile (24 sums, 4 columns, 1 broadcast of the 32 registers).
#include "kernels/gemm_f32/gemm_f32_body.h"
#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_neon.h"

namespace slm::kernels {
namespace {

template <class Element>
using Gemm = PanelGemm<Simd, Element, 6, 16, 24>;

}  // namespace

SLM_ISA_ROW GemmVariant gemm_f32_neon_dotprod(Isa isa, GemmStorage storage) {
  if (storage == GemmStorage::BF16) return gemm_f32_row(isa, storage, "bf16_6x16_neon_dotprod", 16, Gemm<Bfloat>::gemm);
  if (storage == GemmStorage::F16) return gemm_f32_row(isa, storage, "f16_6x16_neon_dotprod", 16, Gemm<Half>::gemm);
  return gemm_f32_row(isa, storage, "f32_6x16_neon_dotprod", 16, Gemm<float>::gemm);
}

}  // namespace slm::kernels
