// SPDX-License-Identifier: Apache-2.0
// gemm_q8: packed GEMM with 8-bit weights, w8g32 (Q8_0) times a8g32 and w8c (Q8C) times a8t. Contract: packed_gemm.h.
// Panels of 16 rows of B (= output columns), in words of four consecutive k of one; smmla (Arm, i8mm) takes words of
// eight. dpbusd (VNNI) wants unsigned codes: for it each is stored + 128
// (columns that are missing stay zero bytes: nothing of them is stored).
//
//   Q8_0 panel:  [group 0][group 1] … [group k/32 − 1]  zeros up to a multiple of 64 bytes
//   one group:   d   16 halfs, one per column                                            32 bytes
//                | col 0: k 0 1 2 3 | col 1: k 0 1 2 3 | … | col 15: k 0 1 2 3 |         64 bytes
//                the same for k 4…7, 8…11, … 28…31
//
//   Q8C panel:   16 floats, one scale per column                                         64 bytes
//                | col 0: k 0 1 2 3 | col 1: k 0 1 2 3 | … | col 15: k 0 1 2 3 |         64 bytes
//                the same for k 4…7 and so on; k is padded with zeros to whole words
//
//   In words of eight:   | col 0: k 0 … 7 | col 1: k 0 … 7 | … | col 15: k 0 … 7 |          128 bytes, and so on
//
// Overflow bounds (N5), with |code_a| ≤ 127 and code_b in [−128,127]:
//   Q8_0  s = Σ₃₂ code_a·code_b    |s| ≤ 32·127·128 = 520,192: int32 and float exact
//   Q8C   s = Σ over k             |s| ≤ k·16,256 ≤ 2,130,706,432 < 2³¹ for k ≤ 131,072;
//                                  float(s) rounds to nearest even
//   maddubs pair (AVX2)            |code_b|·(±code_a), two of them: ≤ 2·128·127 = 32,512 ≤ 32,767, never saturates
//   dpbusd (VNNI)                  (code_b + 128)·code_a added up from the offset −128·Σ code_a on: after j of k
//                                  values Σ_{<j} code_a·code_b − 128·Σ_{≥j} code_a, within k·16,256 as s is; in a
//                                  group within 520,192 < 2²², so that the bits of kGroupZero hold it
#pragma once

#include <cstddef>
#include <cstdint>

#include "slm/kernels/packed_gemm.h"

namespace slm::kernels {

constexpr int kQ8PanelColumns = 16;

/// codes of kWord consecutive k for each column of a panel
template <int kWord>
struct Q8Words {
  int8_t codes[kQ8PanelColumns][kWord];
};
template <int kWord>
struct Q8_0Groups {
  uint16_t d[kQ8PanelColumns];
  Q8Words<kWord> words[32 / kWord];
};
using Q8Quad = Q8Words<4>;
using Q8Octet = Q8Words<8>;
using Q8_0Group = Q8_0Groups<4>;
using Q8_0OctetGroup = Q8_0Groups<8>;
/// Start of a Q8C panel; (k + 3) / 4 quads or (k + 7) / 8 octets follow.
struct Q8CHeader {
  float d[kQ8PanelColumns];
};
static_assert(sizeof(Q8Quad) == 64 && sizeof(Q8_0Group) == 544 && sizeof(Q8CHeader) == 64);
static_assert(sizeof(Q8_0OctetGroup) == sizeof(Q8_0Group));

size_t q8_0_panel_bytes(int64_t k);
size_t q8c_panel_bytes(int64_t k);
size_t q8c_octet_panel_bytes(int64_t k);
void pack_q8_0(const PackArgs& args);
void pack_q8c(const PackArgs& args);
void pack_q8_0_unsigned(const PackArgs& args);
void pack_q8c_unsigned(const PackArgs& args);
void pack_q8_0_octets(const PackArgs& args);
void pack_q8c_octets(const PackArgs& args);
void unpack_q8_0(const UnpackArgs& args);
void unpack_q8c(const UnpackArgs& args);
void unpack_q8_0_unsigned(const UnpackArgs& args);
void unpack_q8c_unsigned(const UnpackArgs& args);
void unpack_q8_0_octets(const UnpackArgs& args);
void unpack_q8c_octets(const UnpackArgs& args);

void gemm_q8_0_scalar(const GemmArgs& args);
void gemm_q8c_scalar(const GemmArgs& args);
void gemm_q8_0_avx2(const GemmArgs& args);
void gemm_q8c_avx2(const GemmArgs& args);
void gemm_q8_0_avxvnni(const GemmArgs& args);
void gemm_q8c_avxvnni(const GemmArgs& args);
void gemm_q8_0_avx512vnni(const GemmArgs& args);
void gemm_q8c_avx512vnni(const GemmArgs& args);
void gemm_q8_0_neon_dotprod(const GemmArgs& args);
void gemm_q8c_neon_dotprod(const GemmArgs& args);
void gemm_q8_0_neon_i8mm(const GemmArgs& args);
void gemm_q8c_neon_i8mm(const GemmArgs& args);

}  // namespace slm::kernels
