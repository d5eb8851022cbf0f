// SPDX-License-Identifier: Apache-2.0
// GGUF blocks: bytes ↔ floats for every supported type, bit-equal to the `gguf` Python package (gguf/quants.py).
// In: rows of floats or blocks.  Out: the other.  Next: rows.h, pack.h, export/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "slm/core/dtype.h"
#include "slm/quant/grid.h"

namespace slm {

/// Values of `blocks` (whole blocks of `dtype`, or plain F32 F16 BF16 elements), any alignment. Throws ArgumentError on
/// a size mismatch, and for I8 and I32, which hold codes. Any bytes decode to something.
/// Serial; ~1 GB/s of output and more.
void decode_blocks(Dtype dtype, std::span<const std::byte> blocks, std::span<float> values);

/// Blocks of `values`: F32 F16 BF16 Q8_0 Q4_0 Q4_1, the last three by their grids (grid.h). Throws ArgumentError on
/// another type, on a size mismatch, on a value that is not finite, and where a value or a scale overflows its half or
/// bfloat16. Where the package's inverse 1/d is infinite (|d| ≤ 2^-128, stored as 0) it leaves the codes to the
/// processor; here they are those of 0. Of −0 and +0 the minimum of Q4_1 is −0.
void encode_blocks(Dtype dtype, std::span<const float> values, std::span<std::byte> blocks);

/// One block of Q8_0, Q4_0 or Q4_1 from codes found elsewhere (GPTQ, learned scales): any half scale with any codes is
/// a valid block. Throws ArgumentError on another type, wrong sizes, a code out of the grid,
/// a scale that overflows a half.
void store_block(Dtype dtype, const GridParams& params, std::span<const int32_t> codes, std::span<std::byte> block);

}  // namespace slm
