// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for AVX-VNNI, which processors without AVX-512 have: panels hold
// code_b + 128, the sums begin at the offset, as in gemm_q8_avx512vnni.cpp.
#include "kernels/gemm_q8/gemm_q8_avx2.h"

namespace slm::kernels {
namespace {

struct Products {
  static __m256i begin(int32_t offset) { return _mm256_set1_epi32(offset); }

  template <int R>
  [[gnu::always_inline]] static void add_quad(const int8_t* a, int64_t a_stride, size_t count, const Q8Quad& quad,
                                              __m256i (&s)[R][2]) {
    const __m256i b0 = load(quad.codes[0]);
    const __m256i b1 = load(quad.codes[8]);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m256i codes = broadcast_codes(a + r * a_stride, count);
      s[r][0] = _mm256_dpbusd_avx_epi32(s[r][0], b0, codes);
      s[r][1] = _mm256_dpbusd_avx_epi32(s[r][1], b1, codes);
    }
  }
};

}  // namespace

void gemm_q8_0_avxvnni(const GemmArgs& args) { gemm<Q8_0Kernel<Products>>(args, q8_0_panel_bytes(args.k)); }
void gemm_q8c_avxvnni(const GemmArgs& args) { gemm<Q8CKernel<Products>>(args, q8c_panel_bytes(args.k)); }

}  // namespace slm::kernels
