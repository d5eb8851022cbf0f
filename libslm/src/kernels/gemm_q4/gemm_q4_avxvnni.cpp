// SPDX-License-Identifier: Apache-2.0
// 4-bit packed GEMM for AVX-VNNI, which processors without AVX-512 have: dpbusd multiplies unsigned nibbles by signed
// activations and adds four products to an int32.
#include "kernels/gemm_q4/gemm_q4_avx2.h"

namespace slm::kernels {
namespace {

struct Products {
  [[gnu::always_inline]] static void add(__m256i nibbles, __m256i quad, __m256i& sums) {
    sums = _mm256_dpbusd_avx_epi32(sums, nibbles, quad);
  }
  [[gnu::always_inline]] static __m256i total(__m256i sums) { return sums; }
};

}  // namespace

void gemm_q4_0_avxvnni(const GemmArgs& args) { gemm<Kernel<Q4_0Group, Products>>(args, q4_0_panel_bytes(args.k)); }
void gemm_q4_1_avxvnni(const GemmArgs& args) { gemm<Kernel<Q4_1Group, Products>>(args, q4_1_panel_bytes(args.k)); }

}  // namespace slm::kernels
