// SPDX-License-Identifier: Apache-2.0
// What the translation units of gemm_f32 give to the variant table: one function per ISA that fills a row for a storage
// (F32, BF16 or F16), and the packing of panels, which is the same plain code for all of them. Plain data.
#pragma once

#include "slm/kernels/packed_gemm.h"

namespace slm::kernels {

GemmVariant gemm_f32_scalar(Isa isa, GemmStorage storage);
GemmVariant gemm_f32_avx2(Isa isa, GemmStorage storage);
GemmVariant gemm_f32_avx512vnni(Isa isa, GemmStorage storage);
GemmVariant gemm_f32_neon_dotprod(Isa isa, GemmStorage storage);

namespace {

/// Bytes of a panel of depth k.
constexpr int64_t panel_bytes(int64_t k, int columns, size_t element_bytes) {
  return (k * columns * static_cast<int64_t>(element_bytes) + 63) / 64 * 64;
}

}  // namespace

/// Panels of 16 or 32 columns of float or 16-bit elements: element (j, column c) at index j·P + c.
///     j = 0: c0 c1 … cP−1 | j = 1: c0 c1 … cP−1 | …        padded to a multiple of 64 bytes
/// A row of the table with the packing of these panels, and a product that reads them.
GemmVariant gemm_f32_row(Isa isa, GemmStorage storage, const char* name, int panel_columns,
                         void (*gemm)(const GemmArgs&));

}  // namespace slm::kernels
