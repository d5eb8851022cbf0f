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
  constexpr uint64_t kStepBytes = uint64_t{8} << 20;
  SLM_CHECK(out.size() == tensor.bytes(), "[take] {}: {} bytes, there is room for {}", name, tensor.bytes(),
            out.size());
  for (uint64_t first = 0; first < out.size(); first += kStepBytes) {
    const uint64_t bytes = std::min(kStepBytes, out.size() - first);
    std::memcpy(out.data() + first, tensor.data() + first, bytes);
    if (file) file->release(tensor.data() + first, bytes);
  }
}

}  // namespace slm
