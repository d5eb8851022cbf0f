// SPDX-License-Identifier: Apache-2.0
// The variant tables of the float GEMMs: three storages, best first.
#include <array>

#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "slm/kernels/gemm_variants.h"

namespace slm::kernels {
namespace {

auto table(GemmStorage storage) {
  return std::array {
#if defined(__x86_64__)
    gemm_f32_avx512vnni(Isa::Avx512Vnni, storage), gemm_f32_avx2(Isa::Avx2, storage),
#elif defined(__aarch64__)
    gemm_f32_neon_dotprod(Isa::NeonDotprod, storage),
#endif
        gemm_f32_scalar(Isa::Scalar, storage),
  };
}

}  // namespace

std::span<const GemmVariant> gemm_f32_variants() {
  static const auto variants = table(GemmStorage::F32);
  return variants;
}
std::span<const GemmVariant> gemm_bf16_variants() {
  static const auto variants = table(GemmStorage::BF16);
  return variants;
}
std::span<const GemmVariant> gemm_f16_variants() {
  static const auto variants = table(GemmStorage::F16);
  return variants;
}

}  // namespace slm::kernels
