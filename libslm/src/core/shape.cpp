// SPDX-License-Identifier: Apache-2.0
#include "slm/core/shape.h"

#include "slm/core/check.h"

namespace slm {

Shape::Shape(std::initializer_list<int64_t> dims) : Shape(std::span<const int64_t>(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const int64_t> dims) : rank_(static_cast<int>(dims.size())) {
  SLM_CHECK(dims.size() <= dims_.size(), "[shape] rank {}, at most {}", dims.size(), dims_.size());
  int64_t total = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    SLM_CHECK(dims[i] >= 0, "[shape] dimension {} is {}, expected ≥ 0", i, dims[i]);
    SLM_CHECK(!__builtin_mul_overflow(total, dims[i], &total),
              "[shape] the number of elements overflows at dimension {}", i);
    dims_[i] = dims[i];
  }
}

int64_t Shape::elements() const {
  int64_t total = 1;
  for (int64_t dim : dims()) total *= dim;
  return total;
}

int64_t Shape::rows() const {
  int64_t total = 1;
  for (int i = 0; i + 1 < rank_; ++i) total *= (*this)[i];
  return total;
}

std::string Shape::to_string() const {
  std::string text = "(";
  for (int i = 0; i < rank_; ++i) text += (i ? "," : "") + std::to_string((*this)[i]);
  return text + ")";
}

}  // namespace slm
