// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for Arm with the dot product extension: sdot takes four columns' words and one quad of a row of A
// by lane, signed by signed, so nothing has to be corrected.
#include "kernels/gemm_q_neon.h"
#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

// s[r][v] += one quad of k (lane kLane of a) for eight columns from `column` on; the lane is an immediate.
template <int kLane, int R>
[[gnu::always_inline]] inline void add_quad(const Q8Quad& quad, int64_t column, const int8x16_t (&a)[R],
                                            int32x4_t (&s)[R][2]) {
#pragma GCC unroll 2
  for (int v = 0; v < 2; ++v) {
    const int8x16_t b = vld1q_s8(quad.codes[column + 4 * v]);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) s[r][v] = vdotq_laneq_s32(s[r][v], b, a[r], kLane);
  }
}

// Sixteen k: four quads.
template <int R>
[[gnu::always_inline]] inline void add_quads(const int8_t* a_row, int64_t a_stride, const Q8Quad* quads, int64_t column,
                                             int32x4_t (&s)[R][2]) {
  int8x16_t a[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) a[r] = vld1q_s8(a_row + r * a_stride);
  add_quad<0, R>(quads[0], column, a, s);
  add_quad<1, R>(quads[1], column, a, s);
  add_quad<2, R>(quads[2], column, a, s);
  add_quad<3, R>(quads[3], column, a, s);
}

// w8g32: panels are groups, each with its scales.
struct Q8_0Kernel : NeonTiling {
  // R rows × 8 columns from `column` of the panel on, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t column) {
    const int64_t groups = args.k / 32;
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const auto* group = reinterpret_cast<const Q8_0Group*>(panel);
    float32x4_t acc[R][2];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = vdupq_n_f32(0.0f);
    for (int64_t g = 0; g < groups; ++g, ++group) {
      int32x4_t s[R][2];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = vdupq_n_s32(0);
      add_quads<R>(a + 32 * g, args.a_stride, group->words, column, s);
      add_quads<R>(a + 32 * g + 16, args.a_stride, group->words + 4, column, s);
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        const float32x4_t d_b = load_halfs(group->d + column + 4 * v);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
          acc[r][v] = vfmaq_n_f32(acc[r][v], vmulq_f32(vcvtq_f32_s32(s[r][v]), d_b), d_a[r * groups + g]);
      }
    }
    store_sums(args, row, first + column, acc);
  }
};

// w8c: one scale per column before the codes.
struct Q8CKernel : NeonTiling {
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t column) {
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const auto* header = reinterpret_cast<const Q8CHeader*>(panel);
    const auto* quad = reinterpret_cast<const Q8Quad*>(panel + sizeof(Q8CHeader));
    int32x4_t s[R][2];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = vdupq_n_s32(0);
    int64_t j = 0;
    for (; j + 16 <= args.k; j += 16, quad += 4) add_quads<R>(a + j, args.a_stride, quad, column, s);
    if (j < args.k) {
      int8_t last[R][16];
      copy_last(a + j, args.a_stride, args.k - j, last);
      for (int64_t at = 0; j + at < args.k; at += 4, ++quad) {
        int8x16_t codes[R];
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
          int32_t word;
          __builtin_memcpy(&word, last[r] + at, 4);
          codes[r] = vreinterpretq_s8_s32(vdupq_n_s32(word));
        }
        add_quad<0, R>(*quad, column, codes, s);
      }
    }

    float32x4_t sums[R][2];
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < 2; ++v) sums[r][v] = vcvtq_f32_s32(s[r][v]);
    store_scaled(args, row, first + column, header->d + column, sums);
  }
};

static_assert(Q8_0Kernel::kColumns == kQ8PanelColumns && Q8CKernel::kColumns == kQ8PanelColumns);

}  // namespace

void gemm_q8_0_neon_dotprod(const GemmArgs& args) { gemm<Q8_0Kernel>(args, q8_0_panel_bytes(args.k)); }
void gemm_q8c_neon_dotprod(const GemmArgs& args) { gemm<Q8CKernel>(args, q8c_panel_bytes(args.k)); }

}  // namespace slm::kernels
