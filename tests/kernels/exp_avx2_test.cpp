// SPDX-License-Identifier: Apache-2.0
// exp_lanes of AVX2 over a row, for exp_test.cpp. Tests are compiled for any processor; the code
// below alone is told of the instructions that it needs.
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif
#include "kernels/vec/simd_avx2.h"
#include "tests/kernels/exp_row.h"

namespace slm::kernels {

void exp_avx2(const float* x, int64_t n, float* y) { exp_row<Simd>(x, n, y); }

}  // namespace slm::kernels
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
