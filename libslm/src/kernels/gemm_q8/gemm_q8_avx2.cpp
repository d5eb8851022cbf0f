// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for AVX2 + FMA + F16C.
// maddubs wants one unsigned side: |code_b|, made once per load of B for all rows of the tile;
// the sign moves to a.
#include "kernels/gemm_q_avx2.h"
#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

// s += |b|·sign(codes, b) over four k. The empty asm keeps the sum a chain in one register: left to itself, GCC turns
// it into a tree of many live products, spills most of them, and runs at a third of the speed.
[[gnu::always_inline]] inline void add_products(__m256i b, __m256i abs_b, __m256i codes, __m256i& s) {
  const __m256i pairs = _mm256_maddubs_epi16(abs_b, _mm256_sign_epi8(codes, b));
  s = _mm256_add_epi32(s, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  asm("" : "+x"(s));
}

// s[r][half] += Σ of four k, for R rows × 16 columns.
template <int R>
[[gnu::always_inline]] inline void add_quad(const int8_t* a, int64_t a_stride, size_t count, const Q8Quad& quad,
                                            __m256i (&s)[R][2]) {
  const __m256i b0 = load(quad.codes[0]);
  const __m256i b1 = load(quad.codes[8]);
  const __m256i abs0 = _mm256_abs_epi8(b0);
  const __m256i abs1 = _mm256_abs_epi8(b1);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const __m256i codes = broadcast_codes(a + r * a_stride, count);
    add_products(b0, abs0, codes, s[r][0]);
    add_products(b1, abs1, codes, s[r][1]);
  }
}

// w8g32: panels are groups, each with its scales.
struct Q8_0Kernel : Avx2Tiling {
  // R rows × 16 columns, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t /*column*/) {
    const int64_t groups = args.k / 32;
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const auto* group = reinterpret_cast<const Q8_0Group*>(panel);
    __m256 acc[R][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_ps();
    for (int64_t g = 0; g < groups; ++g, ++group) {
      __m256i s[R][2];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = _mm256_setzero_si256();
#pragma GCC unroll 8
      for (int q = 0; q < 8; ++q) add_quad<R>(a + 32 * g + 4 * q, args.a_stride, 4, group->words[q], s);
      const __m256 d[2] = {load_halfs(group->d), load_halfs(group->d + 8)};
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const __m256 scale = _mm256_set1_ps(d_a[r * groups + g]);
#pragma GCC unroll 8
        for (int half = 0; half < 2; ++half)
          acc[r][half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(s[r][half]), _mm256_mul_ps(scale, d[half]), acc[r][half]);
      }
    }
    store_sums(args, row, first, acc);
  }
};

// w8c: one scale per column before the codes.
struct Q8CKernel : Avx2Tiling {
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t /*column*/) {
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const auto* header = reinterpret_cast<const Q8CHeader*>(panel);
    const auto* quad = reinterpret_cast<const Q8Quad*>(panel + sizeof(Q8CHeader));
    __m256i s[R][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = _mm256_setzero_si256();
    int64_t j = 0;
#pragma GCC unroll 4
    for (; j + 4 <= args.k; j += 4, ++quad) add_quad<R>(a + j, args.a_stride, 4, *quad, s);
    if (j < args.k) add_quad<R>(a + j, args.a_stride, static_cast<size_t>(args.k - j), *quad, s);

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

static_assert(Q8_0Kernel::kColumns == kQ8PanelColumns && Q8CKernel::kColumns == kQ8PanelColumns);

}  // namespace

void gemm_q8_0_avx2(const GemmArgs& args) { gemm<Q8_0Kernel>(args, q8_0_panel_bytes(args.k)); }
void gemm_q8c_avx2(const GemmArgs& args) { gemm<Q8CKernel>(args, q8c_panel_bytes(args.k)); }

}  // namespace slm::kernels
