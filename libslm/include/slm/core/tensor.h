// SPDX-License-Identifier: Apache-2.0
// Tensor: dtype, shape, and a shared, 64-byte-aligned (heap) or mapped (file) buffer. Row-major, contiguous.
// Copying a Tensor is shallow: both see the same bytes. clone() is deep.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "slm/core/check.h"
#include "slm/core/dtype.h"
#include "slm/core/shape.h"

namespace slm {

template <class T>
struct DtypeOf;  ///< the dtype whose elements a C++ type holds
template <>
struct DtypeOf<float> {
  static constexpr Dtype value = Dtype::F32;
};
template <>
struct DtypeOf<int8_t> {
  static constexpr Dtype value = Dtype::I8;
};
template <>
struct DtypeOf<int32_t> {
  static constexpr Dtype value = Dtype::I32;
};

class Tensor {
 public:
  Tensor() = default;  ///< empty: no buffer

  /// A new, zeroed heap tensor. Throws std::bad_alloc.
  static Tensor zeros(Dtype dtype, const Shape& shape);
  /// A read-only view of bytes that `owner` keeps alive (a mapped file). Any alignment.
  static Tensor view(std::shared_ptr<const void> owner, const std::byte* data, Dtype dtype, const Shape& shape);

  bool empty() const { return data_ == nullptr; }
  bool read_only() const { return read_only_; }
  Dtype dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  /// 0 for an empty tensor.
  uint64_t bytes() const { return empty() ? 0 : byte_size(dtype_, static_cast<uint64_t>(shape_.elements())); }
  const std::byte* data() const { return data_; }
  std::byte* mutable_data();  ///< throws ArgumentError on a read-only view

  /// Bytes of row r, where a row is the last dimension. Throws ArgumentError on a row out of range, an empty tensor.
  std::span<const std::byte> row(int64_t r) const;

  /// Elements as float, int8_t or int32_t. Throws ArgumentError on another dtype, unaligned data, an empty tensor.
  template <class T>
  std::span<const T> as() const;
  template <class T>
  std::span<T> mutable_as();

  Tensor clone() const;

 private:
  Dtype dtype_ = Dtype::F32;
  Shape shape_;
  std::shared_ptr<const void> owner_;
  std::byte* data_ = nullptr;
  bool read_only_ = false;
};

template <class T>
std::span<const T> Tensor::as() const {
  SLM_CHECK(!empty(), "[tensor] is empty, asked for its {} elements", name(DtypeOf<T>::value));
  SLM_CHECK(dtype_ == DtypeOf<T>::value, "[tensor] is {}, asked for {}", name(dtype_), name(DtypeOf<T>::value));
  SLM_CHECK(reinterpret_cast<uintptr_t>(data_) % alignof(T) == 0, "[tensor] data is not aligned to {} bytes",
            alignof(T));
  return {reinterpret_cast<const T*>(data_), static_cast<size_t>(shape_.elements())};
}

template <class T>
std::span<T> Tensor::mutable_as() {
  mutable_data();
  std::span<const T> all = as<T>();
  return {const_cast<T*>(all.data()), all.size()};
}

}  // namespace slm
