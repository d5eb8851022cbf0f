// SPDX-License-Identifier: Apache-2.0
#include "slm/io/tensor_file.h"

#include <algorithm>
#include <cstring>

#include "slm/core/check.h"

namespace slm {

void StoredTensor::release_rows(int64_t begin, int64_t end) const {
  const Shape& shape = tensor.shape();
  SLM_CHECK(begin >= 0 && begin <= end && end <= shape.rows(), "[release_rows] {}{}: rows [{},{}) of {}", name,
            shape.to_string(), begin, end, shape.rows());
  if (!file) return;
  const uint64_t row_bytes = byte_size(tensor.dtype(), static_cast<uint64_t>(shape.row_elements()));
  file->release(tensor.data() + static_cast<uint64_t>(begin) * row_bytes,
                static_cast<uint64_t>(end - begin) * row_bytes);
}

void StoredTensor::take(std::span<std::byte> out) const {
  constexpr uint64_t kStep = 8 * 1024 * 1024;
  const Shape& shape = tensor.shape();
  const uint64_t row_bytes = byte_size(tensor.dtype(), static_cast<uint64_t>(shape.row_elements()));
  const int64_t step = static_cast<int64_t>(std::max<uint64_t>(1, kStep / std::max<uint64_t>(1, row_bytes)));
  SLM_CHECK(out.size() == tensor.bytes(), "[take] {}: {} bytes, there is room for {}", name, tensor.bytes(),
            out.size());
  for (int64_t begin = 0; begin < shape.rows(); begin += step) {
    const int64_t end = std::min(shape.rows(), begin + step);
    const uint64_t first = static_cast<uint64_t>(begin) * row_bytes;
    std::memcpy(out.data() + first, tensor.data() + first, static_cast<uint64_t>(end - begin) * row_bytes);
    release_rows(begin, end);
  }
}

}  // namespace slm
