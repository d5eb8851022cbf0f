// SPDX-License-Identifier: Apache-2.0
// A GGUF file's table of tensors: name, type, shape and place of each, checked.
// In: the cursor behind the metadata.  Out: GgufTensorInfo.  Next: gguf.cpp.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "io/gguf_cursor.h"

namespace slm {

struct GgufTensorInfo {
  uint64_t position;  ///< of this info in the file, for messages
  std::string_view name;
  Dtype dtype;
  Shape shape;
  uint64_t offset;  ///< from the start of the data section
  uint64_t bytes;
};

constexpr uint64_t kGgufDefaultAlignment = 32;             ///< of tensors, where general.alignment is not set
constexpr uint64_t kGgufMinInfoBytes = 8 + 4 + 0 + 4 + 8;  ///< of an info: name length, n_dims, dims, type, offset

/// Throws FormatError: an unsupported type (named), more than 4 dimensions or one of 0, more bytes or elements than
/// can be counted, rows that are no whole number of blocks.
GgufTensorInfo read_gguf_tensor_info(GgufCursor& in);

/// Throws FormatError unless each tensor begins at a multiple of the alignment, lies in the `data_bytes` of the data
/// section, and overlaps no other.
void check_gguf_placement(const GgufCursor& in, const std::vector<GgufTensorInfo>& infos, uint64_t alignment,
                          uint64_t data_bytes);

}  // namespace slm
