// SPDX-License-Identifier: Apache-2.0
// Shape of a tensor: rank ≤ 4, stored inline, row-major (the last dimension is contiguous).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace slm {

class Shape {
 public:
  Shape() = default;  ///< rank 0: one element
  Shape(std::initializer_list<int64_t> dims);
  explicit Shape(std::span<const int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[static_cast<size_t>(i)]; }
  std::span<const int64_t> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }
  /// Product of the dimensions. The constructor has checked that it fits and that no dimension is negative.
  int64_t elements() const;
  /// Product of all dimensions but the last: how many contiguous rows there are.
  int64_t rows() const;
  int64_t row_elements() const { return rank_ == 0 ? 1 : dims_[static_cast<size_t>(rank_ - 1)]; }
  bool operator==(const Shape&) const = default;
  std::string to_string() const;  ///< "(896,4864)"

 private:
  std::array<int64_t, 4> dims_{};
  int rank_ = 0;
};

}  // namespace slm
