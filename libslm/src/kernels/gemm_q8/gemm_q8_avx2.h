// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM in vectors of 256 bits, with the products of the file that includes it:
//   Products::begin(offset)                          where eight sums of products with a row of A begin
//   Products::add_quad<R>(a, a_stride, count, quad, s)   s[r][half] += Σ of four k, for R rows × 16 columns
// Included by ISA translation units only; internal linkage.
#pragma once

#include "kernels/gemm_q_avx2.h"
#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

// w8g32: panels are groups, each with its scales.
template <class Products>
struct Q8_0Kernel : Avx2Tiling {
  // R rows × 16 columns, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t /*column*/) {
    const int64_t groups = args.k / 32;
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const int32_t* offset = args.a_offsets + row * groups;
    const auto* group = reinterpret_cast<const Q8_0Group*>(panel);
    __m256 acc[R][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_ps();
    for (int64_t g = 0; g < groups; ++g, ++group) {
      __m256i s[R][2];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = Products::begin(offset[r * groups + g] - kGroupOffset);
#pragma GCC unroll 8
      for (int q = 0; q < 8; ++q)
        Products::template add_quad<R>(a + 32 * g + 4 * q, args.a_stride, 4, group->words[q], s);
      const __m256 d[2] = {load_halfs(group->d), load_halfs(group->d + 8)};
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const __m256 scale = _mm256_set1_ps(d_a[r * groups + g]);
#pragma GCC unroll 8
        for (int half = 0; half < 2; ++half)
          acc[r][half] = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(s[r][half]), d[half]), scale, acc[r][half]);
      }
    }
    store_sums(args, row, first, acc);
  }
};

// w8c: one scale per column before the codes.
template <class Products>
struct Q8CKernel : Avx2Tiling {
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t /*column*/) {
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const auto* header = reinterpret_cast<const Q8CHeader*>(panel);
    const auto* quad = reinterpret_cast<const Q8Quad*>(panel + sizeof(Q8CHeader));
    __m256i s[R][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = Products::begin(args.a_offsets[row + r]);
    int64_t j = 0;
#pragma GCC unroll 4
    for (; j + 4 <= args.k; j += 4, ++quad) Products::template add_quad<R>(a + j, args.a_stride, 4, *quad, s);
    if (j < args.k) Products::template add_quad<R>(a + j, args.a_stride, static_cast<size_t>(args.k - j), *quad, s);

    const Bias bias(args, first);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m256 d_a = _mm256_set1_ps(args.a_scales[row + r]);
      __m256 out[2];
#pragma GCC unroll 8
      for (int half = 0; half < 2; ++half) {
        const __m256 d = _mm256_mul_ps(d_a, _mm256_loadu_ps(header->d + 8 * half));
        out[half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(s[r][half]), d, bias.half(half));
      }
      store(args, row + r, first, out[0], out[1]);
    }
  }
};

static_assert(Avx2Tiling::kColumns == kQ8PanelColumns);

}  // namespace
}  // namespace slm::kernels
