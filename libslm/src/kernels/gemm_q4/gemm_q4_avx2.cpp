// SPDX-License-Identifier: Apache-2.0
// 4-bit packed GEMM for AVX2 + FMA + F16C.
// An unsigned nibble times a signed activation is what maddubs multiplies: no sign fixing, and the pairs of a whole
// group of 32 add up in int16 (bound in gemm_q4.h) before one maddwd widens them.
#include "kernels/gemm_q4/gemm_q4_avx2.h"

namespace slm::kernels {
namespace {

struct Products {
  [[gnu::always_inline]] static void add(__m256i nibbles, __m256i quad, __m256i& pairs) {
    pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(nibbles, quad));
    keep_chain(pairs);
  }
  [[gnu::always_inline]] static __m256i total(__m256i pairs) { return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)); }
};

}  // namespace

void gemm_q4_0_avx2(const GemmArgs& args) { gemm<Kernel<Q4_0Group, Products>>(args, q4_0_panel_bytes(args.k)); }
void gemm_q4_1_avx2(const GemmArgs& args) { gemm<Kernel<Q4_1Group, Products>>(args, q4_1_panel_bytes(args.k)); }

}  // namespace slm::kernels
