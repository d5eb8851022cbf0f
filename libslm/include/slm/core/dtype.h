// SPDX-License-Identifier: Apache-2.0
// Element types of tensors, the block types of GGUF included, and the two 16-bit float conversions.
// A block type stores `block_elements` values of a row in `block_bytes` bytes; quant/gguf_blocks codes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slm {

enum class Dtype : uint8_t { F32, F16, BF16, I8, I32, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K };
inline constexpr int kDtypeCount = 15;

struct DtypeInfo {
  std::string_view name;    ///< as GGUF writes it: "F32", "Q4_0", "Q6_K"
  uint32_t block_elements;  ///< 1 for plain types
  uint32_t block_bytes;
};

const DtypeInfo& info(Dtype dtype);
inline std::string_view name(Dtype dtype) { return info(dtype).name; }
inline bool is_block_type(Dtype dtype) { return info(dtype).block_elements > 1; }

/// Bytes of `elements` values. Throws ArgumentError where elements is no whole number of blocks or the size overflows.
uint64_t byte_size(Dtype dtype, uint64_t elements);

/// float32 of an IEEE half: exact.
float f16_to_f32(uint16_t bits);
/// Nearest IEEE half, ties to even; overflows to infinity, keeps subnormals and NaN (as numpy and F16C do).
uint16_t f32_to_f16(float value);
/// float32 of a bfloat16: exact.
float bf16_to_f32(uint16_t bits);
/// Nearest bfloat16, ties to even; NaN stays NaN (quieted, as PyTorch and gguf do).
uint16_t f32_to_bf16(float value);

}  // namespace slm
