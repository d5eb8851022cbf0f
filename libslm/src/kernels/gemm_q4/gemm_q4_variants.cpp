// SPDX-License-Identifier: Apache-2.0
// The tables of 4-bit packed GEMM variants: one row per instruction set of this architecture, best first.
#include <array>

#include "slm/kernels/gemm_q4/gemm_q4.h"
#include "slm/kernels/gemm_variants.h"

namespace slm::kernels {
namespace {

constexpr GemmVariant q4_0(Isa isa, const char* name, void (*gemm)(const GemmArgs&)) {
  return {isa, GemmStorage::Q4_0, name, kQ4PanelColumns, q4_0_panel_bytes, pack_q4_0, unpack_q4_0, gemm};
}
constexpr GemmVariant q4_1(Isa isa, const char* name, void (*gemm)(const GemmArgs&)) {
  return {isa, GemmStorage::Q4_1, name, kQ4PanelColumns, q4_1_panel_bytes, pack_q4_1, unpack_q4_1, gemm};
}

constexpr std::array kQ4_0Variants = {
#if defined(__x86_64__)
    q4_0(Isa::Avx512Vnni, "q4_0_6x16_avx512vnni", gemm_q4_0_avx512vnni),
    q4_0(Isa::AvxVnni, "q4_0_4x16_avxvnni", gemm_q4_0_avxvnni),
    q4_0(Isa::Avx2, "q4_0_4x16_avx2", gemm_q4_0_avx2),
#elif defined(__aarch64__)
    GemmVariant{Isa::NeonI8mm, GemmStorage::Q4_0, "q4_0_4x16_neon_i8mm", kQ4PanelColumns, q4_0_panel_bytes,
                pack_q4_0_octets, unpack_q4_0_octets, gemm_q4_0_neon_i8mm},
    q4_0(Isa::NeonDotprod, "q4_0_4x16_neon_dotprod", gemm_q4_0_neon_dotprod),
#endif
    q4_0(Isa::Scalar, "q4_0_1x16_scalar", gemm_q4_0_scalar),
};

constexpr std::array kQ4_1Variants = {
#if defined(__x86_64__)
    q4_1(Isa::Avx512Vnni, "q4_1_6x16_avx512vnni", gemm_q4_1_avx512vnni),
    q4_1(Isa::AvxVnni, "q4_1_4x16_avxvnni", gemm_q4_1_avxvnni),
    q4_1(Isa::Avx2, "q4_1_4x16_avx2", gemm_q4_1_avx2),
#elif defined(__aarch64__)
    GemmVariant{Isa::NeonI8mm, GemmStorage::Q4_1, "q4_1_4x16_neon_i8mm", kQ4PanelColumns, q4_1_panel_bytes,
                pack_q4_1_octets, unpack_q4_1_octets, gemm_q4_1_neon_i8mm},
    q4_1(Isa::NeonDotprod, "q4_1_4x16_neon_dotprod", gemm_q4_1_neon_dotprod),
#endif
    q4_1(Isa::Scalar, "q4_1_1x16_scalar", gemm_q4_1_scalar),
};

}  // namespace

std::span<const GemmVariant> gemm_q4_0_variants() { return kQ4_0Variants; }
std::span<const GemmVariant> gemm_q4_1_variants() { return kQ4_1Variants; }

}  // namespace slm::kernels
