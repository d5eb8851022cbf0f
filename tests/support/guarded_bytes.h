// SPDX-License-Identifier: Apache-2.0
// Memory that ends where a page begins that nobody may touch: reading beyond it ends the test, with or without a
// sanitizer.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <span>

namespace slm::test {

class GuardedBytes {
 public:
  explicit GuardedBytes(size_t bytes) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = (bytes + page - 1) / page * page + page;
    begin_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(begin_, MAP_FAILED);
    std::byte* guard = static_cast<std::byte*>(begin_) + mapped_ - page;
    EXPECT_EQ(mprotect(guard, page, PROT_NONE), 0);
    data_ = guard - bytes;
  }
  ~GuardedBytes() { munmap(begin_, mapped_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  std::byte* data() const { return data_; }

 private:
  void* begin_;
  std::byte* data_;
  size_t mapped_;
};

/// A copy of values that ends there.
template <class T>
class GuardedCopy {
 public:
  explicit GuardedCopy(std::span<const T> values) : bytes_(values.size_bytes()) {
    if (!values.empty()) std::memcpy(bytes_.data(), values.data(), values.size_bytes());
  }
  const T* data() const { return reinterpret_cast<const T*>(bytes_.data()); }

 private:
  GuardedBytes bytes_;
};

}  // namespace slm::test
