// SPDX-License-Identifier: Apache-2.0
// What the integer GEMMs share on Arm: tiles of up to 4 rows × half of a panel's 16 columns, a row of C in two vectors.
// Included by ISA translation units only; internal linkage.
#pragma once

#include <arm_neon.h>

#include "kernels/panel_walk.h"

namespace slm::kernels {
namespace {

/// What walk_panels() asks of a kernel, but for tile().
struct NeonTiling {
  static constexpr int64_t kColumns = 16;
  static constexpr int64_t kTileColumns = 8;
  static constexpr int64_t kBlockBytes = 192 * 1024;  // rows of A that stay in the cache
};

template <class Kernel>
void gemm(const GemmArgs& args, size_t panel_bytes) {
  walk_panels<Kernel, 4, 2, 1>(args, panel_bytes);
}

[[gnu::always_inline]] inline float32x4_t load_halfs(const uint16_t* p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

// The bias of eight columns; zeros where there is none.
struct Bias {
  Bias(const GemmArgs& args, int64_t begin) {
    for (int64_t j = 0; j < 8; ++j)
      values[j] = args.bias != nullptr && begin + j < args.n ? args.bias[begin + j] : 0.0f;
  }
  float32x4_t half(int index) const { return vld1q_f32(values + 4 * index); }
  float values[8];
};

// One row of C, eight columns from `begin` on, as far as they exist.
[[gnu::always_inline]] inline void store(const GemmArgs& args, int64_t row, int64_t begin, float32x4_t low,
                                         float32x4_t high) {
  float out[8];
  vst1q_f32(out, low);
  vst1q_f32(out + 4, high);
  float* c = args.c + row * args.c_stride + begin;
  for (int64_t j = 0; j < 8 && j < args.n - begin; ++j) c[j] = out[j];
}

// C = acc + (bias or 0, never −0).
template <int R>
[[gnu::always_inline]] inline void store_sums(const GemmArgs& args, int64_t row, int64_t begin,
                                              float32x4_t (&acc)[R][2]) {
  float32x4_t last[2] = {vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)};
  if (args.bias != nullptr) {
    const Bias bias(args, begin);
    for (int half = 0; half < 2; ++half) last[half] = vaddq_f32(last[half], bias.half(half));
  }
  for (int r = 0; r < R; ++r) store(args, row + r, begin, vaddq_f32(acc[r][0], last[0]), vaddq_f32(acc[r][1], last[1]));
}

// The last `count` codes of R rows of A, then zeros: rows end with k, and nothing is read beyond.
template <int R, int N>
[[gnu::always_inline]] inline void copy_last(const int8_t* a, int64_t a_stride, int64_t count, int8_t (&last)[R][N]) {
  for (int r = 0; r < R; ++r) {
    __builtin_memset(last[r], 0, N);
    __builtin_memcpy(last[r], a + r * a_stride, static_cast<size_t>(count));
  }
}

// C = fma(float(s), d_a·d_b, bias or 0): w8c, of sums over all k; d_b: of the tile's first column.
template <int R>
[[gnu::always_inline]] inline void store_scaled(const GemmArgs& args, int64_t row, int64_t begin, const float* d_b,
                                                const float32x4_t (&s)[R][2]) {
  const Bias bias(args, begin);
  for (int r = 0; r < R; ++r) {
    float32x4_t out[2];
    for (int v = 0; v < 2; ++v) {
      const float32x4_t d = vmulq_f32(vdupq_n_f32(args.a_scales[row + r]), vld1q_f32(d_b + 4 * v));
      out[v] = vfmaq_f32(bias.half(v), s[r][v], d);
    }
    store(args, row + r, begin, out[0], out[1]);
  }
}

}  // namespace
}  // namespace slm::kernels
