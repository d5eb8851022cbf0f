// SPDX-License-Identifier: Apache-2.0
// GGUF blocks: bytes ↔ floats for every supported type, bit-equal to the `gguf` Python package (gguf/quants.py).
// The grids: ../docs/numerics.md. In: rows of floats or blocks.  Out: the other.  Next: pack.h, export/.
#pragma once

#include <cstddef>
#include <span>

#include "slm/core/dtype.h"

namespace slm {

/// Values of `blocks` (whole blocks of `dtype`, or plain F32 F16 BF16 elements). values.size() elements; throws ArgumentError
/// on a size mismatch. Serial; ~1 GB/s and more.
void decode_blocks(Dtype dtype, std::span<const std::byte> blocks, std::span<float> values);

/// Blocks of `values`: F32 F16 BF16 Q8_0 Q4_0 Q4_1. Throws ArgumentError on another type, on a size mismatch, on a value that is
/// not finite, and where a scale overflows its half.
void encode_blocks(Dtype dtype, std::span<const float> values, std::span<std::byte> blocks);

}  // namespace slm
