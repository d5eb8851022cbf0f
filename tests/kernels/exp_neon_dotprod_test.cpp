// SPDX-License-Identifier: Apache-2.0
// exp_lanes of NEON over a row, n a multiple of 16: for exp_test.cpp. Every AArch64 processor has what it needs.
#if defined(__aarch64__)
#include "kernels/vec/simd_exp.h"
#include "kernels/vec/simd_neon.h"

namespace slm::kernels {

void exp_neon_dotprod(const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; i += Simd::kWidth) Simd::store(y + i, exp_lanes<Simd>(Simd::load(x + i)));
}

}  // namespace slm::kernels
#endif
