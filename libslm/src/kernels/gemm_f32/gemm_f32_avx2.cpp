// SPDX-License-Identifier: Apache-2.0
// Float GEMM for AVX2 + FMA: a 6×16 register tile (12 sums, 2 columns, 1 broadcast of the 16 registers).
#include "kernels/gemm_f32/gemm_f32_body.h"
#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_avx2.h"

namespace slm::kernels {
namespace {

template <class Element>
using Gemm = PanelGemm<Simd, Element, 6, 16, 12>;

}  // namespace

SLM_ISA_ROW GemmVariant gemm_f32_avx2(Isa isa, GemmStorage storage) {
  if (storage == GemmStorage::BF16) return gemm_f32_row(isa, storage, "bf16_6x16_avx2", 16, Gemm<Bfloat>::gemm);
  if (storage == GemmStorage::F16) return gemm_f32_row(isa, storage, "f16_6x16_avx2", 16, Gemm<Half>::gemm);
  return gemm_f32_row(isa, storage, "f32_6x16_avx2", 16, Gemm<float>::gemm);
}

}  // namespace slm::kernels
