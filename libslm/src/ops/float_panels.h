// SPDX-License-Identifier: Apache-2.0
// Float matrices packed for the float GEMM, and the product with them: what the operations of training work with.
#pragma once

#include <algorithm>
#include <array>

#include "kernels/transpose.h"
#include "slm/core/division.h"
#include "slm/core/matrix_view.h"
#include "slm/kernels/packed_gemm.h"

namespace slm {

class FloatPanels {
 public:
  explicit FloatPanels(const kernels::GemmVariant& variant) : v_(variant) {}

  /// Output columns of one panel, and floats of panels for n of them of some depth.
  int64_t columns() const { return v_.panel_columns; }
  int64_t floats(int64_t depth) const { return static_cast<int64_t>(v_.panel_bytes(depth) / sizeof(float)); }
  int64_t floats(int64_t n, int64_t depth) const { return ceil_div(n, columns()) * floats(depth); }

  /// Rows of b become output columns: for a·bᵀ.
  void pack_rows(ConstMatrixView b, float* panels) const {
    std::array<const std::byte*, kernels::kMaxPanelColumns> rows;
    for (int64_t first = 0; first < b.rows; first += columns(), panels += floats(b.columns)) {
      const int64_t count = std::min(columns(), b.rows - first);
      for (int64_t i = 0; i < count; ++i)
        rows[static_cast<size_t>(i)] = reinterpret_cast<const std::byte*>(b.row(first + i));
      v_.pack({.rows = rows.data(), .count = count, .k = b.columns, .panel = bytes_of(panels)});
    }
  }

  /// Columns of b stay output columns: for a·b. b may be rows [begin, begin + b.rows) of a matrix of `depth` rows.
  void pack_columns(ConstMatrixView b, float* panels, int64_t begin, int64_t depth) const {
    // Some rows at a time: whole stretches of them are read, and the next ones, which no hardware foresees, asked for.
    constexpr int64_t kRows = 32, kLine = 16;
    for (int64_t r = 0; r < b.rows; r += kRows) {
      for (int64_t ahead = r + kRows; ahead < std::min(r + 2 * kRows, b.rows); ++ahead)
        for (int64_t c = 0; c < b.columns; c += kLine) __builtin_prefetch(b.row(ahead) + c, 0, 2);
      float* panel = panels;
      for (int64_t c = 0; c < b.columns; c += columns(), panel += floats(depth))
        v_.pack_columns({.source = b.row(r) + c,
                         .stride = b.stride,
                         .count = std::min(columns(), b.columns - c),
                         .begin = begin + r,
                         .rows = std::min(kRows, b.rows - r),
                         .panel = bytes_of(panel)});
    }
  }
  void pack_columns(ConstMatrixView b, float* panels) const { pack_columns(b, panels, 0, b.rows); }

  /// c (m,n) = a (m,k)·panels + bias (n, or null), or c += a·panels. The panels begin at c's first column.
  void multiply(ConstMatrixView a, const float* panels, MatrixView c, const float* bias = nullptr) const {
    run(a, panels, c, bias, false);
  }
  void multiply_add(ConstMatrixView a, const float* panels, MatrixView c) const { run(a, panels, c, nullptr, true); }

 private:
  static std::byte* bytes_of(float* p) { return reinterpret_cast<std::byte*>(p); }
  void run(ConstMatrixView a, const float* panels, MatrixView c, const float* bias, bool accumulate) const {
    v_.gemm({.a = a.data,
             .a_stride = a.stride,
             .b = reinterpret_cast<const std::byte*>(panels),
             .bias = bias,
             .c = c.data,
             .c_stride = c.stride,
             .m = a.rows,
             .n = c.columns,
             .k = a.columns,
             .accumulate = accumulate});
  }

  const kernels::GemmVariant& v_;
};

/// to (columns, rows) = xᵀ.
inline void transpose_into(ConstMatrixView x, MatrixView to) {
  kernels::transpose(x.data, x.stride, x.rows, x.columns, to.data, to.stride);
}

}  // namespace slm
