// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for Arm with the dot product extension: sdot takes four columns' words and one quad of a row of A
// by lane, signed by signed, so nothing has to be corrected.
#include <arm_neon.h>

#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

constexpr int64_t kColumns = kQ8PanelColumns;
constexpr int64_t kRowTile = 4;
// Rows of A that stay in the cache while all panels pass.
constexpr int64_t kBlockBytes = 192 * 1024;

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

// One row of c, the columns that exist of eight.
[[gnu::always_inline]] inline void store(const float (&out)[8], int64_t left, float* c) {
  for (int64_t j = 0; j < 8 && j < left; ++j) c[j] = out[j];
}

// The bias of eight columns; zeros where there is none.
struct Bias {
  Bias(const GemmArgs& args, int64_t begin) {
    for (int64_t j = 0; j < 8; ++j)
      values[j] = args.bias != nullptr && begin + j < args.n ? args.bias[begin + j] : 0.0f;
  }
  float values[8];
};

// w8g32: panels are groups, each with its scales.
struct Q8_0Kernel {
  static int64_t panel_bytes(int64_t k) { return (k / 32 * static_cast<int64_t>(sizeof(Q8_0Group)) + 63) / 64 * 64; }

  // R rows × 8 columns from `column` of the panel on, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, const std::byte* panel, int64_t first,
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
      add_quads<R>(a + 32 * g, args.a_stride, group->quads, column, s);
      add_quads<R>(a + 32 * g + 16, args.a_stride, group->quads + 4, column, s);
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        const float32x4_t d_b = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(group->d + column + 4 * v)));
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
          acc[r][v] = vfmaq_f32(acc[r][v], vcvtq_f32_s32(s[r][v]), vmulq_f32(vdupq_n_f32(d_a[r * groups + g]), d_b));
      }
    }
    const Bias bias(args, first + column);
    for (int r = 0; r < R; ++r) {
      float out[8];
      for (int v = 0; v < 2; ++v) {
        const float32x4_t value =
            args.bias != nullptr ? vaddq_f32(acc[r][v], vld1q_f32(bias.values + 4 * v)) : acc[r][v];
        vst1q_f32(out + 4 * v, value);
      }
      store(out, args.n - first - column, args.c + (row + r) * args.c_stride + first + column);
    }
  }
};

// w8c: one scale per column before the codes.
struct Q8CKernel {
  static int64_t panel_bytes(int64_t k) {
    return static_cast<int64_t>(sizeof(Q8CHeader)) + (k + 3) / 4 * static_cast<int64_t>(sizeof(Q8Quad));
  }

  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, const std::byte* panel, int64_t first,
                                          int64_t column) {
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const auto* header = reinterpret_cast<const Q8CHeader*>(panel);
    const auto* quad = reinterpret_cast<const Q8Quad*>(panel + sizeof(Q8CHeader));
    int32x4_t s[R][2];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = vdupq_n_s32(0);
    int64_t j = 0;
    for (; j + 16 <= args.k; j += 16, quad += 4) add_quads<R>(a + j, args.a_stride, quad, column, s);
    for (; j < args.k; j += 4, ++quad) {  // rows of a end with k: the last codes are copied, never read beyond
      const auto count = static_cast<size_t>(args.k - j < 4 ? args.k - j : 4);
      int8x16_t codes[R];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        int32_t word = 0;
        __builtin_memcpy(&word, a + r * args.a_stride + j, count);
        codes[r] = vreinterpretq_s8_s32(vdupq_n_s32(word));
      }
      add_quad<0, R>(*quad, column, codes, s);
    }

    const Bias bias(args, first + column);
    for (int r = 0; r < R; ++r) {
      float out[8];
      for (int v = 0; v < 2; ++v) {
        const float32x4_t d = vmulq_f32(vdupq_n_f32(args.a_scales[row + r]), vld1q_f32(header->d + column + 4 * v));
        vst1q_f32(out + 4 * v, vfmaq_f32(vld1q_f32(bias.values + 4 * v), vcvtq_f32_s32(s[r][v]), d));
      }
      store(out, args.n - first - column, args.c + (row + r) * args.c_stride + first + column);
    }
  }
};

template <class Kernel>
void gemm(const GemmArgs& args) {
  const int64_t panel_bytes = Kernel::panel_bytes(args.k);
  const int64_t tiles = kBlockBytes / (kRowTile * args.k);
  const int64_t block = kRowTile * (tiles > 0 ? tiles : 1);
  for (int64_t begin = 0; begin < args.m; begin += block) {
    const int64_t end = args.m - begin < block ? args.m : begin + block;
    for (int64_t first = 0; first < args.n; first += kColumns) {
      const std::byte* panel = args.b + first / kColumns * panel_bytes;
      for (int64_t column = 0; column < kColumns && first + column < args.n; column += 8) {
        int64_t row = begin;
        for (; row + 4 <= end; row += 4) Kernel::template tile<4>(args, row, panel, first, column);
        if (row + 2 <= end) Kernel::template tile<2>(args, row, panel, first, column), row += 2;
        if (row < end) Kernel::template tile<1>(args, row, panel, first, column);
      }
    }
  }
}

}  // namespace

void gemm_q8_0_neon_dotprod(const GemmArgs& args) { gemm<Q8_0Kernel>(args); }
void gemm_q8c_neon_dotprod(const GemmArgs& args) { gemm<Q8CKernel>(args); }

}  // namespace slm::kernels
