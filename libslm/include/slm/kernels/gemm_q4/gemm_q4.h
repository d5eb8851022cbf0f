// SPDX-License-Identifier: Apache-2.0
// gemm_q4: packed GEMM with 4-bit weights, w4g32 (Q4_0) and w4g32a (Q4_1), times a8g32 activations. Contract:
// packed_gemm.h. Panels of 16 rows of B (= output columns), one struct per group of 32 along k, in words of four bytes;
// smmla (Arm, i8mm) takes words of eight.
//
//   Q4_0 panel:  [group 0][group 1] … [group k/32 − 1]  zeros up to a multiple of 64 bytes
//   one group:   d   16 halfs, one per column                                                     32 bytes
//               (m   16 halfs, Q4_1 only                                                          32 bytes)
//                p = 0   | col 0: k 0 1 2 3 | col 1: k 0 1 2 3 | … | col 15 |   ← low nibbles     64 bytes
//                        |     16 17 18 19  |     16 17 18 19  | … |        |   ← high nibbles
//                p = 1   the same for k 4…7 and 20…23;  p = 2, p = 3 likewise
//   In words of eight:
//                p = 0   | col 0: k 0 … 7  | col 1: k 0 … 7  | … | col 15: k 0 … 7 |      ← low nibbles     128 bytes
//                        |      16 … 23    |      16 … 23    | … |                        ← high nibbles
//
// A word of four bytes is four consecutive k of one column, twice: the unit of maddubs+maddwd, dpbusd and sdot alike.
// It is also word p of the GGUF block's 16 bytes, so that packing moves words and never touches a nibble.
//
// Overflow bounds (N5), with |code_a| ≤ 127:
//   s = Σ₃₂ code_a·code_b        |s| ≤ 32·127·15 = 60,960 (Q4_0: code_b = nibble − 8, |s| ≤ 32,512):
//                                int32 and float exact
//   int16 partial sums (AVX2)    a lane adds 8 pairs of code_a·nibble: ≤ 8·2·127·15 = 30,480 ≤ 32,767:
//                                one widening per group
//   dpbusd (AVX-512 VNNI)        16·nibble·code_a added up from −128·Σ code_a on: within 32·127·(240 + 128) < 2²², so
//                                that the bits of kGroupZero hold it
#pragma once

#include <cstddef>
#include <cstdint>

#include "slm/kernels/packed_gemm.h"

namespace slm::kernels {

constexpr int kQ4PanelColumns = 16;

template <int kWord>
struct Q4_0Groups {
  uint16_t d[kQ4PanelColumns];
  uint8_t nibbles[16 / kWord][kQ4PanelColumns][kWord];
};
template <int kWord>
struct Q4_1Groups {
  uint16_t d[kQ4PanelColumns];
  uint16_t m[kQ4PanelColumns];
  uint8_t nibbles[16 / kWord][kQ4PanelColumns][kWord];
};
using Q4_0Group = Q4_0Groups<4>;
using Q4_1Group = Q4_1Groups<4>;
using Q4_0OctetGroup = Q4_0Groups<8>;
using Q4_1OctetGroup = Q4_1Groups<8>;
static_assert(sizeof(Q4_0Group) == 288 && sizeof(Q4_1Group) == 320);
static_assert(sizeof(Q4_0OctetGroup) == sizeof(Q4_0Group) && sizeof(Q4_1OctetGroup) == sizeof(Q4_1Group));

size_t q4_0_panel_bytes(int64_t k);
size_t q4_1_panel_bytes(int64_t k);
void pack_q4_0(const PackArgs& args);
void pack_q4_1(const PackArgs& args);
void unpack_q4_0(const UnpackArgs& args);
void unpack_q4_1(const UnpackArgs& args);
void pack_q4_0_octets(const PackArgs& args);
void pack_q4_1_octets(const PackArgs& args);
void unpack_q4_0_octets(const UnpackArgs& args);
void unpack_q4_1_octets(const UnpackArgs& args);

void gemm_q4_0_scalar(const GemmArgs& args);
void gemm_q4_1_scalar(const GemmArgs& args);
void gemm_q4_0_avx2(const GemmArgs& args);
void gemm_q4_1_avx2(const GemmArgs& args);
void gemm_q4_0_avxvnni(const GemmArgs& args);
void gemm_q4_1_avxvnni(const GemmArgs& args);
void gemm_q4_0_avx512vnni(const GemmArgs& args);
void gemm_q4_1_avx512vnni(const GemmArgs& args);
void gemm_q4_0_neon_dotprod(const GemmArgs& args);
void gemm_q4_1_neon_dotprod(const GemmArgs& args);
void gemm_q4_0_neon_i8mm(const GemmArgs& args);
void gemm_q4_1_neon_i8mm(const GemmArgs& args);

}  // namespace slm::kernels
