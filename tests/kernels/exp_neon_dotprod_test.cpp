// SPDX-License-Identifier: Apache-2.0
// exp_lanes of NEON over a row, for exp_test.cpp. Every AArch64 processor has what it needs.
#if defined(__aarch64__)
#include "kernels/vec/simd_neon.h"
#include "tests/kernels/exp_row.h"

namespace slm::kernels {

void exp_neon_dotprod(const float* x, int64_t n, float* y) { exp_row<Simd>(x, n, y); }

}  // namespace slm::kernels
#endif
