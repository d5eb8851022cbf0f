// SPDX-License-Identifier: Apache-2.0
// 4-bit packed GEMM for Arm with the dot product extension: sdot takes four columns' words and one quad of a row of A
// by lane. Q4_0's zero point is taken off the nibbles once per load of B, for all rows of the tile.
#include <arm_neon.h>

#include "slm/kernels/gemm_q4/gemm_q4.h"

namespace slm::kernels {
namespace {

constexpr int64_t kColumns = kQ4PanelColumns;
constexpr int64_t kRowTile = 4;
// Rows of A that stay in the cache while all panels pass.
constexpr int64_t kBlockBytes = 192 * 1024;

[[gnu::always_inline]] inline int8x16_t code_of(uint8x16_t nibble, const Q4_0Group&) {
  return vsubq_s8(vreinterpretq_s8_u8(nibble), vdupq_n_s8(8));
}
[[gnu::always_inline]] inline int8x16_t code_of(uint8x16_t nibble, const Q4_1Group&) {
  return vreinterpretq_s8_u8(nibble);
}

[[gnu::always_inline]] inline float32x4_t load_halfs(const uint16_t* p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

// What a group adds to four columns of one row besides float(s)·d_a·d_b.
[[gnu::always_inline]] inline float32x4_t add_minimum(const Q4_0Group&, int64_t, float, int32_t, float32x4_t acc) {
  return acc;
}
[[gnu::always_inline]] inline float32x4_t add_minimum(const Q4_1Group& group, int64_t column, float d_a, int32_t sum_a,
                                                      float32x4_t acc) {
  const float32x4_t m = vmulq_f32(vdupq_n_f32(d_a), load_halfs(group.m + column));
  return vfmaq_f32(acc, vdupq_n_f32(static_cast<float>(sum_a)), m);
}

// s[r][v] += words p (low nibbles) and p + 4 (high nibbles) of eight columns from `column` on;
// the lane is an immediate.
template <int kPair, int R, class Group>
[[gnu::always_inline]] inline void add_words(const Group& group, int64_t column, const int8x16_t (&a)[R][2],
                                             int32x4_t (&s)[R][2]) {
#pragma GCC unroll 2
  for (int v = 0; v < 2; ++v) {
    const uint8x16_t raw = vld1q_u8(group.nibbles[kPair][column + 4 * v]);
    const int8x16_t low = code_of(vandq_u8(raw, vdupq_n_u8(15)), group);
    const int8x16_t high = code_of(vshrq_n_u8(raw, 4), group);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) s[r][v] = vdotq_laneq_s32(s[r][v], low, a[r][0], kPair);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) s[r][v] = vdotq_laneq_s32(s[r][v], high, a[r][1], kPair);
  }
}

// R rows × 8 columns from `column` of the panel on, all of k.
template <int R, class Group>
[[gnu::always_inline]] inline void tile(const GemmArgs& args, int64_t row, const Group* panel, int64_t first,
                                        int64_t column) {
  const int64_t groups = args.k / 32;
  const int8_t* a_row = static_cast<const int8_t*>(args.a) + row * args.a_stride;
  const float* d_a = args.a_scales + row * groups;
  const int32_t* sum_a = args.a_sums + row * groups;
  float32x4_t acc[R][2];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = vdupq_n_f32(0.0f);
  for (int64_t g = 0; g < groups; ++g) {
    const Group& group = panel[g];
    int8x16_t a[R][2];
    int32x4_t s[R][2];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      a[r][0] = vld1q_s8(a_row + r * args.a_stride + 32 * g);
      a[r][1] = vld1q_s8(a_row + r * args.a_stride + 32 * g + 16);
      s[r][0] = s[r][1] = vdupq_n_s32(0);
    }
    add_words<0, R>(group, column, a, s);
    add_words<1, R>(group, column, a, s);
    add_words<2, R>(group, column, a, s);
    add_words<3, R>(group, column, a, s);
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      const float32x4_t d_b = load_halfs(group.d + column + 4 * v);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const float scale = d_a[r * groups + g];
        acc[r][v] = vfmaq_f32(acc[r][v], vcvtq_f32_s32(s[r][v]), vmulq_f32(vdupq_n_f32(scale), d_b));
        acc[r][v] = add_minimum(group, column + 4 * v, scale, sum_a[r * groups + g], acc[r][v]);
      }
    }
  }

  const int64_t left = args.n - first - column;
  const float* bias = args.bias != nullptr ? args.bias + first + column : nullptr;
  for (int r = 0; r < R; ++r) {
    float* c = args.c + (row + r) * args.c_stride + first + column;
    float out[8];
    vst1q_f32(out, acc[r][0]);
    vst1q_f32(out + 4, acc[r][1]);
    for (int64_t j = 0; j < 8 && j < left; ++j) c[j] = bias != nullptr ? out[j] + bias[j] : out[j];
  }
}

template <class Group>
void gemm(const GemmArgs& args) {
  const int64_t panel_bytes = (args.k / 32 * static_cast<int64_t>(sizeof(Group)) + 63) / 64 * 64;
  const int64_t tiles = kBlockBytes / (kRowTile * args.k);
  const int64_t block = kRowTile * (tiles > 0 ? tiles : 1);
  for (int64_t begin = 0; begin < args.m; begin += block) {
    const int64_t end = args.m - begin < block ? args.m : begin + block;
    for (int64_t first = 0; first < args.n; first += kColumns) {
      const auto* panel = reinterpret_cast<const Group*>(args.b + first / kColumns * panel_bytes);
      for (int64_t column = 0; column < kColumns && first + column < args.n; column += 8) {
        int64_t row = begin;
        for (; row + 4 <= end; row += 4) tile<4>(args, row, panel, first, column);
        if (row + 2 <= end) tile<2>(args, row, panel, first, column), row += 2;
        if (row < end) tile<1>(args, row, panel, first, column);
      }
    }
  }
}

}  // namespace

void gemm_q4_0_neon_dotprod(const GemmArgs& args) { gemm<Q4_0Group>(args); }
void gemm_q4_1_neon_dotprod(const GemmArgs& args) { gemm<Q4_1Group>(args); }

}  // namespace slm::kernels
