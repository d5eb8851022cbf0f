// SPDX-License-Identifier: Apache-2.0
// Weights that come from memory: calls that go round through copies of a matrix which together no cache holds, as a
// decoder's layers do. Calls with many rows reuse each weight, so for them one copy does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bench/peaks/peaks.h"
#include "slm/core/aligned_buffer.h"

namespace slm {

/// Rows up to which a product is as fast as weights are read.
inline constexpr int64_t kRowsAtMemorySpeed = 4;

/// Copies of `bytes` of weights for products of m rows.
inline size_t copies_beyond_caches(size_t bytes, int64_t m) {
  return m <= kRowsAtMemorySpeed ? bytes_beyond_caches() / bytes + 1 : 1;
}

/// The copies, handed out in turn. Fill first(), then copy().
class RotatedWeights {
 public:
  RotatedWeights(size_t bytes, int64_t m)
      : bytes_(bytes), copies_(copies_beyond_caches(bytes, m)), data_(bytes * copies_) {}
  size_t bytes() const { return bytes_; }  ///< of one copy
  std::byte* first() { return data_.data(); }
  void copy() {
    for (size_t i = 1; i < copies_; ++i) std::memcpy(data_.data() + i * bytes_, data_.data(), bytes_);
  }
  const std::byte* next() {
    turn_ = (turn_ + 1) % copies_;
    return data_.data() + turn_ * bytes_;
  }

 private:
  size_t bytes_, copies_, turn_ = 0;
  AlignedBuffer data_;
};

}  // namespace slm
