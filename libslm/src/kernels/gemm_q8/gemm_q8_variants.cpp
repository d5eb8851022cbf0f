// SPDX-License-Identifier: Apache-2.0
// The tables of 8-bit packed GEMM variants: one row per instruction set of this architecture, best first.
#include <array>

#include "slm/kernels/gemm_q8/gemm_q8.h"
#include "slm/kernels/gemm_variants.h"

namespace slm::kernels {
namespace {

constexpr GemmVariant q8_0(Isa isa, const char* name, void (*gemm)(const GemmArgs&)) {
  return {isa, GemmStorage::Q8_0, name, kQ8PanelColumns, q8_0_panel_bytes, pack_q8_0, unpack_q8_0, gemm};
}
constexpr GemmVariant q8c(Isa isa, const char* name, void (*gemm)(const GemmArgs&)) {
  return {isa, GemmStorage::Q8C, name, kQ8PanelColumns, q8c_panel_bytes, pack_q8c, unpack_q8c, gemm};
}
/// Codes + 128.
constexpr GemmVariant q8_0_unsigned(Isa isa, const char* name, void (*gemm)(const GemmArgs&)) {
  return {isa, GemmStorage::Q8_0, name, kQ8PanelColumns, q8_0_panel_bytes, pack_q8_0_unsigned, unpack_q8_0_unsigned,
          gemm};
}
constexpr GemmVariant q8c_unsigned(Isa isa, const char* name, void (*gemm)(const GemmArgs&)) {
  return {isa, GemmStorage::Q8C, name, kQ8PanelColumns, q8c_panel_bytes, pack_q8c_unsigned, unpack_q8c_unsigned, gemm};
}

constexpr std::array kQ8_0Variants = {
#if defined(__x86_64__)
    q8_0_unsigned(Isa::Avx512Vnni, "q8_0_6x16_avx512vnni", gemm_q8_0_avx512vnni),
    q8_0_unsigned(Isa::AvxVnni, "q8_0_4x16_avxvnni", gemm_q8_0_avxvnni),
    q8_0(Isa::Avx2, "q8_0_4x16_avx2", gemm_q8_0_avx2),
#elif defined(__aarch64__)
    GemmVariant{Isa::NeonI8mm, GemmStorage::Q8_0, "q8_0_4x16_neon_i8mm", kQ8PanelColumns, q8_0_panel_bytes,
                pack_q8_0_octets, unpack_q8_0_octets, gemm_q8_0_neon_i8mm},
    q8_0(Isa::NeonDotprod, "q8_0_4x16_neon_dotprod", gemm_q8_0_neon_dotprod),
#endif
    q8_0(Isa::Scalar, "q8_0_1x16_scalar", gemm_q8_0_scalar),
};

constexpr std::array kQ8CVariants = {
#if defined(__x86_64__)
    q8c_unsigned(Isa::Avx512Vnni, "q8c_6x16_avx512vnni", gemm_q8c_avx512vnni),
    q8c_unsigned(Isa::AvxVnni, "q8c_4x16_avxvnni", gemm_q8c_avxvnni),
    q8c(Isa::Avx2, "q8c_4x16_avx2", gemm_q8c_avx2),
#elif defined(__aarch64__)
    GemmVariant{Isa::NeonI8mm, GemmStorage::Q8C, "q8c_4x16_neon_i8mm", kQ8PanelColumns, q8c_octet_panel_bytes,
                pack_q8c_octets, unpack_q8c_octets, gemm_q8c_neon_i8mm},
    q8c(Isa::NeonDotprod, "q8c_4x16_neon_dotprod", gemm_q8c_neon_dotprod),
#endif
    q8c(Isa::Scalar, "q8c_1x16_scalar", gemm_q8c_scalar),
};

}  // namespace

std::span<const GemmVariant> gemm_q8_0_variants() { return kQ8_0Variants; }
std::span<const GemmVariant> gemm_q8c_variants() { return kQ8CVariants; }

}  // namespace slm::kernels
