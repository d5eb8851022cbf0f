// SPDX-License-Identifier: Apache-2.0
// 4-bit packed GEMM for Arm with int8 matrix multiplication: smmla, signed by signed, on panels in words of eight.
// Q4_0's zero point is taken off the nibbles once per load of B, for all rows of the tile.
#include "kernels/gemm_q4/gemm_q4_neon.h"
#include "kernels/gemm_q_neon_i8mm.h"

namespace slm::kernels {
namespace {

// acc = fma(float(Σ code_a)·m, d_a, acc), in groups that have a minimum.
template <int R>
[[gnu::always_inline]] inline void add_minimum(const Q4_0OctetGroup&, int64_t, const float*, const int32_t*, int64_t,
                                               float32x4_t (&)[kPairs<R>][4]) {}
template <int R>
[[gnu::always_inline]] inline void add_minimum(const Q4_1OctetGroup& group, int64_t column, const float* d_a,
                                               const int32_t* offset, int64_t stride,
                                               float32x4_t (&acc)[kPairs<R>][4]) {
  int32x4_t sums[kPairs<R>][4];
#pragma GCC unroll 2
  for (int p = 0; p < kPairs<R>; ++p) {
    const int32_t* first = offset + 2 * p * stride;
    const int32x4_t offsets = vcombine_s32(vld1_dup_s32(first), vld1_dup_s32(R > 1 ? first + stride : first));
    static_assert(kOffsetPerCode == -128);
    const int32x4_t pair = vshrq_n_s32(vsubq_s32(vdupq_n_s32(kGroupOffset), offsets), 7);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) sums[p][c] = pair;
  }
  add_scaled<R>(d_a, stride, group.m + column, sums, acc);
}

template <class Group>
struct Kernel : NeonTiling {
  // R rows × 8 columns from `column` of the panel on, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t column) {
    const int64_t groups = args.k / 32;
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const int32_t* offset = args.a_offsets + row * groups;
    const auto* group = reinterpret_cast<const Group*>(panel);
    float32x4_t acc[kPairs<R>][4] = {};
    for (int64_t g = 0; g < groups; ++g, ++group) {
      int32x4_t s[kPairs<R>][4];
      set_zero<R>(s);
#pragma GCC unroll 2
      for (int w = 0; w < 2; ++w) {
        int8x16_t low[4], high[4], a_low[kPairs<R>], a_high[kPairs<R>];
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) {
          const uint8x16_t raw = vld1q_u8(group->nibbles[w][column + 2 * c]);
          low[c] = code_of(vandq_u8(raw, vdupq_n_u8(15)), *group);
          high[c] = code_of(vshrq_n_u8(raw, 4), *group);
        }
#pragma GCC unroll 2
        for (int p = 0; p < kPairs<R>; ++p) {
          a_low[p] = codes_of_pair<R>(a + 32 * g + 8 * w, args.a_stride, p);
          a_high[p] = codes_of_pair<R>(a + 32 * g + 16 + 8 * w, args.a_stride, p);
        }
        add_octet<R>(low, a_low, s);
        add_octet<R>(high, a_high, s);
      }
      add_scaled<R>(d_a + g, groups, group->d + column, s, acc);
      add_minimum<R>(*group, column, d_a + g, offset + g, groups, acc);
    }
    float32x4_t rows[R][2];
    separate<R>(acc, rows);
    store_sums(args, row, first + column, rows);
  }
};

static_assert(Kernel<Q4_0OctetGroup>::kColumns == kQ4PanelColumns);

}  // namespace

void gemm_q4_0_neon_i8mm(const GemmArgs& args) { gemm<Kernel<Q4_0OctetGroup>>(args, q4_0_panel_bytes(args.k)); }
void gemm_q4_1_neon_i8mm(const GemmArgs& args) { gemm<Kernel<Q4_1OctetGroup>>(args, q4_1_panel_bytes(args.k)); }

}  // namespace slm::kernels
