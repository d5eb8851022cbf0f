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

/// Panels of 16 or 32 columns of float or 16-bit elements: element (j, column c) at index j·P + c.
///     j = 0: c0 c1 … cP−1 | j = 1: c0 c1 … cP−1 | …        padded to a multiple of 64 bytes
struct PanelLayout {
  size_t (*bytes)(int64_t k);
  void (*pack)(const PackArgs&);
  void (*unpack)(const UnpackArgs&);
  void (*pack_columns)(const PackColumnsArgs&);  ///< null for 16-bit elements
};
PanelLayout panel_layout(int panel_columns, int element_bytes);

}  // namespace slm::kernels
