// SPDX-License-Identifier: Apache-2.0
// The AVX-512 source of gemm_f32 under namespace slm::emulated, run by gemm_f32_test.cpp on any AVX2 processor.
// clang-format off: the order of these lines matters (tests/support/emulated_avx512.h)
#include "tests/support/emulated_avx512.h"

#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "slm/kernels/packed_gemm.h"

namespace slm::emulated { using namespace slm::kernels; }
#define kernels emulated
#include "kernels/gemm_f32/gemm_f32_avx512vnni.cpp"
