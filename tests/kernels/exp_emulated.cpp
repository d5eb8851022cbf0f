// SPDX-License-Identifier: Apache-2.0
// exp_lanes of AVX-512 under namespace slm::emulated, run by exp_test.cpp on any AVX2 processor.
// clang-format off: the order of these lines matters (tests/support/emulated_avx512.h)
#include "tests/support/emulated_avx512.h"

#define kernels emulated
#include "tests/kernels/exp_row.h"
#include "kernels/vec/simd_avx512.h"

namespace slm::emulated {

void exp_avx512vnni(const float* x, int64_t n, float* y) { exp_row<Simd>(x, n, y); }

}  // namespace slm::emulated
