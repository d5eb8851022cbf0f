// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for Arm with int8 matrix multiplication: smmla, signed by signed, on panels in words of eight.
#include "kernels/gemm_q_neon_i8mm.h"
#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

// s += eight k of R rows × 8 columns from `column` on.
template <int R>
[[gnu::always_inline]] inline void add(const Q8Octet& octet, int64_t column, const int8x16_t (&a)[kPairs<R>],
                                       int32x4_t (&s)[kPairs<R>][4]) {
  int8x16_t b[4];
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) b[c] = vld1q_s8(octet.codes[column + 2 * c]);
  add_octet<R>(b, a, s);
}
template <int R>
[[gnu::always_inline]] inline void add(const Q8Octet& octet, int64_t column, const int8_t* a_row, int64_t a_stride,
                                       int32x4_t (&s)[kPairs<R>][4]) {
  int8x16_t a[kPairs<R>];
#pragma GCC unroll 2
  for (int p = 0; p < kPairs<R>; ++p) a[p] = codes_of_pair<R>(a_row, a_stride, p);
  add<R>(octet, column, a, s);
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
    const auto* group = reinterpret_cast<const Q8_0OctetGroup*>(panel);
    float32x4_t acc[kPairs<R>][4] = {};
    for (int64_t g = 0; g < groups; ++g, ++group) {
      int32x4_t s[kPairs<R>][4];
      set_zero<R>(s);
#pragma GCC unroll 4
      for (int w = 0; w < 4; ++w) add<R>(group->words[w], column, a + 32 * g + 8 * w, args.a_stride, s);
      add_scaled<R>(d_a + g, groups, group->d + column, s, acc);
    }
    float32x4_t rows[R][2];
    separate<R>(acc, rows);
    store_sums(args, row, first + column, rows);
  }
};

// w8c: one scale per column before the codes.
struct Q8CKernel : NeonTiling {
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t column) {
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const auto* header = reinterpret_cast<const Q8CHeader*>(panel);
    const auto* octet = reinterpret_cast<const Q8Octet*>(panel + sizeof(Q8CHeader));
    int32x4_t s[kPairs<R>][4];
    set_zero<R>(s);
    int64_t j = 0;
    for (; j + 8 <= args.k; j += 8, ++octet) add<R>(*octet, column, a + j, args.a_stride, s);
    if (j < args.k) {
      int8_t last[R][8];
      copy_last(a + j, args.a_stride, args.k - j, last);
      add<R>(*octet, column, last[0], 8, s);
    }

    float32x4_t pairs[kPairs<R>][4], rows[R][2];
    for (int p = 0; p < kPairs<R>; ++p)
      for (int c = 0; c < 4; ++c) pairs[p][c] = vcvtq_f32_s32(s[p][c]);
    separate<R>(pairs, rows);
    store_scaled(args, row, first + column, header->d + column, rows);
  }
};

static_assert(Q8_0Kernel::kColumns == kQ8PanelColumns && Q8CKernel::kColumns == kQ8PanelColumns);

}  // namespace

void gemm_q8_0_neon_i8mm(const GemmArgs& args) { gemm<Q8_0Kernel>(args, q8_0_panel_bytes(args.k)); }
void gemm_q8c_neon_i8mm(const GemmArgs& args) { gemm<Q8CKernel>(args, q8c_octet_panel_bytes(args.k)); }

}  // namespace slm::kernels
