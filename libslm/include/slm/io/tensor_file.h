// SPDX-License-Identifier: Apache-2.0
// StoredTensor: one named tensor as it lies in a mapped file, whatever the container (safetensors or GGUF).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "slm/core/tensor.h"
#include "slm/io/mapped_file.h"

namespace slm {

struct StoredTensor {
  std::string name;
  Tensor tensor;                           ///< read-only view into `file`; row-major shape: last dimension contiguous
  std::shared_ptr<const MappedFile> file;  ///< its release() gives the pages back; null: values in memory

  uint64_t file_offset() const { return static_cast<uint64_t>(tensor.data() - file->bytes().data()); }
  /// Gives back the pages of rows [begin, end) (rows = last dimension), if they are a file's. Call after they were
  /// packed.
  void release_rows(int64_t begin, int64_t end) const;
  /// Copies all values and gives back their pages on the way, so that they do not lie beside the copy. Throws
  /// ArgumentError where `out` has another size.
  void take(std::span<std::byte> out) const;
};

}  // namespace slm
