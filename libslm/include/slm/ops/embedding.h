// SPDX-License-Identifier: Apache-2.0
// Embedding: row id of the table, decoded from its packed form (a tied head reads the very same copy).
#pragma once

#include <cstdint>
#include <span>

#include "slm/core/matrix_view.h"
#include "slm/quant/pack.h"

namespace slm {

/// y (T,D): row t = table row ids[t]. scratch: row_bytes(table.scheme(), D).
/// Throws ArgumentError on shapes, and naming an id outside [0, V).
void embedding_into(const PackedMatrix& table, std::span<const int32_t> ids, std::span<std::byte> scratch,
                    MatrixView y);

}  // namespace slm
