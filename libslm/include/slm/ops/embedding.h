// SPDX-License-Identifier: Apache-2.0
// Embedding: row id of the table, decoded from its packed form (a tied head reads the very same copy).
#pragma once

#include <cstdint>
#include <span>

#include "slm/core/matrix_view.h"
#include "slm/quant/pack.h"
#include "slm/quant/weight_view.h"

namespace slm {

/// y (T,D): row t = table row ids[t]. scratch: row_bytes(table.scheme(), D).
/// Throws ArgumentError on shapes, and naming an id outside [0, V).
void embedding_into(const PackedMatrix& table, std::span<const int32_t> ids, std::span<std::byte> scratch,
                    MatrixView y);

/// The same of float weights, through their quantizer where they have one.
void embedding_into(const WeightView& table, std::span<const int32_t> ids, MatrixView y);

/// Gradient: dtable[ids[t]] += dy[t], in the order of the rows. Throws ArgumentError on shapes and ids.
void embedding_grad(std::span<const int32_t> ids, ConstMatrixView dy, MatrixView dtable);

}  // namespace slm
