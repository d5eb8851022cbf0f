// SPDX-License-Identifier: Apache-2.0
// Rows: one row of a weight matrix (one output channel, k values) as its scheme stores it. Portable: this is what files
// hold and what packing reads.
//
//   f32 bf16 f16     k plain elements
//   groups           k/32 GGUF blocks (Q8_0, Q4_0, Q4_1: scheme.h tells which), of equal scale within a wider group
//   channel, tensor  k int8 codes; the one float32 scale travels beside them
//
// In: k floats.  Out: row_bytes(scheme, k) bytes, and back.  Next: pack.h, fake_quant.h, export/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "slm/quant/scheme.h"

namespace slm {

/// Throws ArgumentError where k is negative or no multiple of the scheme's group.
uint64_t row_bytes(WeightScheme scheme, int64_t k);

/// By the scheme's grid (grid.h). *row_scale is written where has_row_scales(scheme), and must not be null there.
/// `known`: what tensor_params gives, for schemes of one scale per tensor; the row's parameters, where they were found
/// before, for schemes of one scale per row; else none.
/// Throws ArgumentError on a size mismatch, a value that is not finite, a scale that overflows its half. Serial.
void encode_row(WeightScheme scheme, std::span<const float> values, std::span<std::byte> row, float* row_scale,
                const std::optional<GridParams>& known = {});

/// Parameters of a whole tensor by its extremes, which is all that the grids of such schemes look at.
/// Throws ArgumentError where the scheme has no scale of a whole tensor.
GridParams tensor_params(WeightScheme scheme, MinMax extremes);

/// Throws ArgumentError where a stored row may decode to a value that is not finite, naming a place. Vectorised
/// over plain elements; one look at each block's half scale and minimum. row_scale counts where has_row_scales(scheme).
void check_row_finite(WeightScheme scheme, std::span<const std::byte> row, float row_scale);

/// The values of a stored row; any alignment. row_scale counts where has_row_scales(scheme).
/// Throws ArgumentError on a size mismatch. Serial.
void decode_row(WeightScheme scheme, std::span<const std::byte> row, float row_scale, std::span<float> values);

}  // namespace slm
