// SPDX-License-Identifier: Apache-2.0
// Transposed copies of 32-bit elements, by blocks of 4×4 that stay in registers (two rounds of shuffles, which every
// instruction set has). A strip of 16 columns at a time, so that whole cache lines are read and written. Plain code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace slm::kernels {
namespace detail {

typedef uint32_t Quad __attribute__((vector_size(16)));

inline Quad load_quad(const void* p) {
  Quad q;
  std::memcpy(&q, p, sizeof q);
  return q;
}

}  // namespace detail

/// to[j][r] = rows[r][j] of a block of 4×4; any alignment. to_stride in elements.
inline void transpose_4x4(const void* const (&rows)[4], void* to, int64_t to_stride) {
  using detail::Quad, detail::load_quad;
  const Quad a = load_quad(rows[0]), b = load_quad(rows[1]), c = load_quad(rows[2]), d = load_quad(rows[3]);
  const Quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const Quad columns[4] = {
      __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
      __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
  auto* out = static_cast<std::byte*>(to);
  for (const Quad& column : columns) {
    std::memcpy(out, &column, sizeof column);
    out += to_stride * 4;
  }
}

/// to (columns, rows) = fromᵀ; from (rows, columns). Strides are elements between rows.
template <class T>
void transpose(const T* from, int64_t from_stride, int64_t rows, int64_t columns, T* to, int64_t to_stride) {
  static_assert(sizeof(T) == 4);
  constexpr int64_t kLine = 16;
  const int64_t whole_rows = rows / 4 * 4;
  for (int64_t c0 = 0; c0 < columns; c0 += kLine) {
    const int64_t c1 = columns - c0 < kLine ? columns : c0 + kLine, whole = c0 + (c1 - c0) / 4 * 4;
    for (int64_t r = 0; r < whole_rows; r += 4) {
      const T* row = from + r * from_stride;
      for (int64_t c = c0; c < whole; c += 4)
        transpose_4x4({row + c, row + from_stride + c, row + 2 * from_stride + c, row + 3 * from_stride + c},
                      to + c * to_stride + r, to_stride);
      for (int64_t c = whole; c < c1; ++c)
        for (int64_t i = 0; i < 4; ++i) to[c * to_stride + r + i] = row[i * from_stride + c];
    }
    for (int64_t r = whole_rows; r < rows; ++r)
      for (int64_t c = c0; c < c1; ++c) to[c * to_stride + r] = from[r * from_stride + c];
  }
}

}  // namespace slm::kernels
