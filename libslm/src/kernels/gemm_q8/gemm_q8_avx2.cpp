// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for AVX2 + FMA + F16C.
// maddubs wants one unsigned side: |code_b|, made once per load of B for all rows of the tile;
// the sign moves to a.
#include "kernels/gemm_q8/gemm_q8_avx2.h"

namespace slm::kernels {
namespace {

struct Products {
  static __m256i begin(int32_t) { return _mm256_setzero_si256(); }

  // s += |b|·sign(codes, b) over four k.
  [[gnu::always_inline]] static void add_products(__m256i b, __m256i abs_b, __m256i codes, __m256i& s) {
    const __m256i pairs = _mm256_maddubs_epi16(abs_b, _mm256_sign_epi8(codes, b));
    s = _mm256_add_epi32(s, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    keep_chain(s);
  }

  // s[r][half] += Σ of four k, for R rows × 16 columns.
  template <int R>
  [[gnu::always_inline]] static void add_quad(const int8_t* a, int64_t a_stride, size_t count, const Q8Quad& quad,
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
};

}  // namespace

void gemm_q8_0_avx2(const GemmArgs& args) { gemm<Q8_0Kernel<Products>>(args, q8_0_panel_bytes(args.k)); }
void gemm_q8c_avx2(const GemmArgs& args) { gemm<Q8CKernel<Products>>(args, q8c_panel_bytes(args.k)); }

}  // namespace slm::kernels
