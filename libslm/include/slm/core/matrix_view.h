// SPDX-License-Identifier: Apache-2.0
// MatrixView: rows × columns of float somewhere in memory, rows `stride` elements apart. Owns nothing: a copy
// copies no data.
#pragma once

#include <cstdint>

namespace slm {

template <class T> struct BasicMatrixView {
  T* data = nullptr;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t stride = 0;

  T* row(int64_t r) const { return data + r * stride; }
  BasicMatrixView row_range(int64_t begin, int64_t end) const { return {row(begin), end - begin, columns, stride}; }
  BasicMatrixView column_range(int64_t begin, int64_t end) const { return {data + begin, rows, end - begin, stride}; }
  operator BasicMatrixView<const T>() const { return {data, rows, columns, stride}; }
};

using MatrixView = BasicMatrixView<float>;
using ConstMatrixView = BasicMatrixView<const float>;

}  // namespace slm
