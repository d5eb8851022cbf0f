// SPDX-License-Identifier: Apache-2.0
#include "slm/core/tensor.h"

#include <cstring>

#include "slm/core/aligned_buffer.h"

namespace slm {

Tensor Tensor::zeros(Dtype dtype, const Shape& shape) {
  Tensor t;
  t.dtype_ = dtype;
  t.shape_ = shape;
  auto buffer = std::make_shared<AlignedBuffer>(byte_size(dtype, static_cast<uint64_t>(shape.elements())));
  t.data_ = buffer->data();
  std::memset(t.data_, 0, buffer->size());
  t.owner_ = std::move(buffer);
  return t;
}

Tensor Tensor::view(std::shared_ptr<const void> owner, const std::byte* data, Dtype dtype, const Shape& shape) {
  Tensor t;
  t.dtype_ = dtype;
  t.shape_ = shape;
  t.owner_ = std::move(owner);
  t.data_ = const_cast<std::byte*>(data);
  t.read_only_ = true;
  return t;
}

std::byte* Tensor::mutable_data() {
  SLM_CHECK(!read_only_, "[tensor] {}{} is a read-only view; clone() it to write", name(dtype_), shape_.to_string());
  return data_;
}

std::span<const std::byte> Tensor::row(int64_t r) const {
  const uint64_t row_bytes = byte_size(dtype_, static_cast<uint64_t>(shape_.row_elements()));
  SLM_CHECK(!empty() && r >= 0 && r < shape_.rows(), "[tensor] row {} of {}", r, empty() ? 0 : shape_.rows());
  return {data_ + static_cast<uint64_t>(r) * row_bytes, row_bytes};
}

Tensor Tensor::clone() const {
  if (empty()) return {};
  Tensor copy = zeros(dtype_, shape_);
  if (copy.bytes() != 0) std::memcpy(copy.data_, data_, copy.bytes());
  return copy;
}

}  // namespace slm
