// SPDX-License-Identifier: Apache-2.0
// K-quants: one block of 256 values each, decoded as `gguf` does (gguf/quants.py). Read only: libslm writes none of
// them. In: info(dtype).block_bytes bytes.  Out: 256 values.  Next: decode_blocks, which calls these.
#pragma once

#include <cstdint>

namespace slm {

void decode_q2_k(const uint8_t* block, float* values);
void decode_q3_k(const uint8_t* block, float* values);
void decode_q4_k(const uint8_t* block, float* values);
void decode_q5_k(const uint8_t* block, float* values);
void decode_q6_k(const uint8_t* block, float* values);

}  // namespace slm
