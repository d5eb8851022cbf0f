// SPDX-License-Identifier: Apache-2.0
// 4-bit packed GEMM for Arm with the dot product extension: sdot takes four columns' words and one quad of a row of A
// by lane. Q4_0's zero point is taken off the nibbles once per load of B, for all rows of the tile.
#include "kernels/gemm_q4/gemm_q4_neon.h"
#include "kernels/gemm_q_neon.h"

namespace slm::kernels {
namespace {

// What a group adds to four columns of one row besides float(s)·d_b·d_a.
[[gnu::always_inline]] inline float32x4_t add_minimum(const Q4_0Group&, int64_t, float, int32_t, float32x4_t acc) {
  return acc;
}
[[gnu::always_inline]] inline float32x4_t add_minimum(const Q4_1Group& group, int64_t column, float d_a, int32_t offset,
                                                      float32x4_t acc) {
  const float sum = static_cast<float>(sum_of_codes(offset));
  return vfmaq_n_f32(acc, vmulq_n_f32(load_halfs(group.m + column), sum), d_a);
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

template <class Group>
struct Kernel : NeonTiling {
  // R rows × 8 columns from `column` of the panel on, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t column) {
    const auto* group_of = reinterpret_cast<const Group*>(panel);
    const int64_t groups = args.k / 32;
    const int8_t* a_row = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const int32_t* offset = args.a_offsets + row * groups;
    float32x4_t acc[R][2];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = vdupq_n_f32(0.0f);
    for (int64_t g = 0; g < groups; ++g) {
      const Group& group = group_of[g];
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
          acc[r][v] = vfmaq_n_f32(acc[r][v], vmulq_f32(vcvtq_f32_s32(s[r][v]), d_b), scale);
          acc[r][v] = add_minimum(group, column + 4 * v, scale, offset[r * groups + g], acc[r][v]);
        }
      }
    }
    store_sums(args, row, first + column, acc);
  }
};

static_assert(Kernel<Q4_0Group>::kColumns == kQ4PanelColumns);

}  // namespace

void gemm_q4_0_neon_dotprod(const GemmArgs& args) { gemm<Kernel<Q4_0Group>>(args, q4_0_panel_bytes(args.k)); }
void gemm_q4_1_neon_dotprod(const GemmArgs& args) { gemm<Kernel<Q4_1Group>>(args, q4_1_panel_bytes(args.k)); }

}  // namespace slm::kernels
