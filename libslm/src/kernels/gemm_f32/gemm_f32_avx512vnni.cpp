// SPDX-License-Identifier: Apache-2.0
// Float GEMM for AVX-512: a 12×32 register tile (24 sums, 2 columns, 1 broadcast: 27 of 32 registers).
#include "kernels/gemm_f32/gemm_f32_body.h"
#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_avx512.h"

namespace slm::kernels {
namespace {

template <class Element>
using Gemm = PanelGemm<Simd, Element, 12, 32, 24>;

}  // namespace

SLM_ISA_ROW GemmVariant gemm_f32_avx512vnni(Isa isa, GemmStorage storage) {
  if (storage == GemmStorage::BF16) return gemm_f32_row(isa, storage, "bf16_12x32_avx512vnni", 32, Gemm<Bfloat>::gemm);
  if (storage == GemmStorage::F16) return gemm_f32_row(isa, storage, "f16_12x32_avx512vnni", 32, Gemm<Half>::gemm);
  return gemm_f32_row(isa, storage, "f32_12x32_avx512vnni", 32, Gemm<float>::gemm);
}

}  // namespace slm::kernels
