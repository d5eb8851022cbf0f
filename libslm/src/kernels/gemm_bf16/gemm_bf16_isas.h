// SPDX-License-Identifier: Apache-2.0
// gemm_bf16: C = A·Bᵀ of floats, multiplied as bfloat16 and added up in float32: twice the float products a second
// where the processor has them. A and B are floats; rows of B are rounded (to nearest even) when they are packed, A by
// the product, as it goes. Contract: packed_gemm.h, storage F32, but the panels hold less than was packed: no unpack.
// Plain data.
//
//   Panel of 32 columns: pairs of consecutive k, what one lane of dpbf16ps multiplies; an odd k ends in a zero.
//     j = 0, 1: | c0: k 0 1 | c1: k 0 1 | … | c31: k 0 1 |     128 bytes
//     j = 2, 3: | c0: k 2 3 | …
//
// Order of additions: of each kBf16DepthStep values of k, for pairs j = 0, 2, 4, …:  acc += a[j+1]·b[j+1],
// acc += a[j]·b[j], each rounded once (a product of two bfloat16 is a float, exactly); acc begins at 0 and is added to
// c. dpbf16ps takes subnormal operands and sums for zero, other variants need not: a difference below 2⁻¹²⁶ a term.
#pragma once

#include "slm/kernels/packed_gemm.h"

namespace slm::kernels {

constexpr int kBf16PanelColumns = 32;
constexpr int64_t kBf16DepthStep = 256;

GemmVariant gemm_bf16_scalar(Isa isa);
GemmVariant gemm_bf16_avx512bf16(Isa isa);

namespace {

/// Bytes of a panel of depth k.
constexpr size_t bf16_panel_bytes(int64_t k) { return static_cast<size_t>((k + 1) / 2 * kBf16PanelColumns * 4); }

}  // namespace

/// A row of the table: what all variants share, and how this one packs and multiplies.
GemmVariant gemm_bf16_row(Isa isa, const char* name, void (*pack)(const PackArgs&),
                          void (*pack_columns)(const PackColumnsArgs&), void (*gemm)(const GemmArgs&));

}  // namespace slm::kernels
