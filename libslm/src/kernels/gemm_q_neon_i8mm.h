// SPDX-License-Identifier: Apache-2.0
// What the integer GEMMs share on Arm with int8 matrix multiplication: smmla multiplies two rows of A by two columns of
// B over eight k, four sums in a vector:   | r·c  r·c'  r'·c  r'·c' |
// A tile is up to 4 rows × half of a panel's 16 columns: pairs of rows × 4 pairs of columns. A lone row is its own
// partner. Included by ISA translation units only; internal linkage.
#pragma once

#include "kernels/gemm_q_neon.h"

namespace slm::kernels {
namespace {

template <int R>
requires(R == 1 || R % 2 == 0) constexpr int kPairs = (R + 1) / 2;

// Eight codes of each row of pair p.
template <int R>
[[gnu::always_inline]] inline int8x16_t codes_of_pair(const int8_t* a, int64_t a_stride, int p) {
  const int8_t* row = a + 2 * p * a_stride;
  return vcombine_s8(vld1_s8(row), vld1_s8(R > 1 ? row + a_stride : row));
}
// A number of each row of pair p, for its two columns; `stride` apart.
template <int R>
[[gnu::always_inline]] inline float32x4_t numbers_of_pair(const float* x, int64_t stride, int p) {
  const float* row = x + 2 * p * stride;
  return vcombine_f32(vld1_dup_f32(row), vld1_dup_f32(R > 1 ? row + stride : row));
}
// Numbers of four columns, for the two rows: of the first two, of the last two.
[[gnu::always_inline]] inline float32x4_t first_columns(float32x4_t x) {
  return vcombine_f32(vget_low_f32(x), vget_low_f32(x));
}
[[gnu::always_inline]] inline float32x4_t last_columns(float32x4_t x) {
  return vcombine_f32(vget_high_f32(x), vget_high_f32(x));
}

template <int R>
[[gnu::always_inline]] inline void set_zero(int32x4_t (&s)[kPairs<R>][4]) {
#pragma GCC unroll 2
  for (int p = 0; p < kPairs<R>; ++p)
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) s[p][c] = vdupq_n_s32(0);
}

// s += eight k of the tile: b[c], two columns each.
template <int R>
[[gnu::always_inline]] inline void add_octet(const int8x16_t (&b)[4], const int8x16_t (&a)[kPairs<R>],
                                             int32x4_t (&s)[kPairs<R>][4]) {
#pragma GCC unroll 2
  for (int p = 0; p < kPairs<R>; ++p)
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) s[p][c] = vmmlaq_s32(s[p][c], a[p], b[c]);
}

// acc = fma(float(s)·d_b, d_a, acc) for a group; d_a: of the tile's first row, `stride` apart; d_b: of its columns.
template <int R>
[[gnu::always_inline]] inline void add_scaled(const float* d_a, int64_t stride, const uint16_t* d_b,
                                              const int32x4_t (&s)[kPairs<R>][4], float32x4_t (&acc)[kPairs<R>][4]) {
  const float32x4_t low = load_halfs(d_b), high = load_halfs(d_b + 4);
  const float32x4_t d[4] = {first_columns(low), last_columns(low), first_columns(high), last_columns(high)};
#pragma GCC unroll 2
  for (int p = 0; p < kPairs<R>; ++p) {
    const float32x4_t scale = numbers_of_pair<R>(d_a, stride, p);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) acc[p][c] = vfmaq_f32(acc[p][c], vmulq_f32(vcvtq_f32_s32(s[p][c]), d[c]), scale);
  }
}

// From pairs to rows of eight columns.
template <int R>
[[gnu::always_inline]] inline void separate(const float32x4_t (&pairs)[kPairs<R>][4], float32x4_t (&rows)[R][2]) {
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const float32x4_t left = pairs[r / 2][2 * half], right = pairs[r / 2][2 * half + 1];
      rows[r][half] = r % 2 == 0 ? vcombine_f32(vget_low_f32(left), vget_low_f32(right))
                                 : vcombine_f32(vget_high_f32(left), vget_high_f32(right));
    }
}

}  // namespace
}  // namespace slm::kernels
