// SPDX-License-Identifier: Apache-2.0
// 4-bit packed GEMM in vectors of 256 bits, with the products of the file that includes it:
//   Products::add(nibbles, quad, sums)   sums += Σ of four k for eight columns, from zero on, over a group of 32
//   Products::total(sums)                these, as eight int32
// Q4_0's zero point leaves as 8·Σ code_a, in int32, exactly. Included by ISA translation units only; internal linkage.
#pragma once

#include "kernels/gemm_q_avx2.h"
#include "slm/kernels/gemm_q4/gemm_q4.h"

namespace slm::kernels {
namespace {

static_assert(kOffsetPerCode == -8 * 16);

// What a group adds to eight columns of one row.
[[gnu::always_inline]] inline __m256 scale_into(__m256i s, const Q4_0Group& group, int64_t half, float d_a,
                                                int32_t offset, __m256 acc) {
  s = _mm256_add_epi32(s, _mm256_set1_epi32((offset - kGroupOffset) >> 4));  // −8·Σ code_a
  const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(s), load_halfs(group.d + 8 * half));
  return _mm256_fmadd_ps(scaled, _mm256_set1_ps(d_a), acc);
}
[[gnu::always_inline]] inline __m256 scale_into(__m256i s, const Q4_1Group& group, int64_t half, float d_a,
                                                int32_t offset, __m256 acc) {
  const __m256 scale = _mm256_set1_ps(d_a);
  acc = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(s), load_halfs(group.d + 8 * half)), scale, acc);
  const __m256 sum = _mm256_set1_ps(static_cast<float>(sum_of_codes(offset)));
  return _mm256_fmadd_ps(_mm256_mul_ps(sum, load_halfs(group.m + 8 * half)), scale, acc);
}

template <class Group, class Products>
struct Kernel : Avx2Tiling {
  // R rows × 16 columns, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t /*column*/) {
    const auto* group_of = reinterpret_cast<const Group*>(panel);
    const int64_t groups = args.k / 32;
    const int8_t* a[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) a[r] = static_cast<const int8_t*>(args.a) + (row + r) * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const int32_t* offset = args.a_offsets + row * groups;

    __m256 acc[R][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_ps();
    const __m256i low_nibble = _mm256_set1_epi8(15);
    for (int64_t g = 0; g < groups; ++g) {
      const Group& group = group_of[g];
      __m256i sums[R][2];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sums[r][0] = sums[r][1] = _mm256_setzero_si256();
#pragma GCC unroll 4
      for (int p = 0; p < 4; ++p) {
        const __m256i raw0 = load(group.nibbles[p][0]);
        const __m256i raw1 = load(group.nibbles[p][8]);
        const __m256i low0 = _mm256_and_si256(raw0, low_nibble);
        const __m256i low1 = _mm256_and_si256(raw1, low_nibble);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          const __m256i quad = broadcast_codes(a[r] + 32 * g + 4 * p, 4);
          Products::add(low0, quad, sums[r][0]);
          Products::add(low1, quad, sums[r][1]);
        }
        const __m256i high0 = _mm256_and_si256(_mm256_srli_epi16(raw0, 4), low_nibble);
        const __m256i high1 = _mm256_and_si256(_mm256_srli_epi16(raw1, 4), low_nibble);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          const __m256i quad = broadcast_codes(a[r] + 32 * g + 16 + 4 * p, 4);
          Products::add(high0, quad, sums[r][0]);
          Products::add(high1, quad, sums[r][1]);
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half)
          acc[r][half] = scale_into(Products::total(sums[r][half]), group, half, d_a[r * groups + g],
                                    offset[r * groups + g], acc[r][half]);
    }
    store_sums(args, row, first, acc);
  }
};

static_assert(Avx2Tiling::kColumns == kQ4PanelColumns);

}  // namespace
}  // namespace slm::kernels
