// SPDX-License-Identifier: Apache-2.0
// AlignedBuffer: owned, uninitialised, 64-byte-aligned memory.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace slm {

class AlignedBuffer {
 public:
  enum class Pages { Huge, AsTouched };

  AlignedBuffer() = default;
  /// Throws std::bad_alloc. `bytes` may be 0. Large buffers ask for huge pages; not so `Pages::AsTouched`, for memory
  /// that is used piece by piece and shall be resident only so far.
  explicit AlignedBuffer(size_t bytes, Pages pages = Pages::Huge);

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data_.get());
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_.get());
  }

  /// All of it as values of T.
  template <class T>
  std::span<T> span_of() {
    return {as<T>(), size_ / sizeof(T)};
  }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  size_t size_ = 0;
};

}  // namespace slm
