// SPDX-License-Identifier: Apache-2.0
// The AVX-VNNI source of gemm_q8 under namespace slm::emulated, run by gemm_q_contract_test.cpp on any AVX2 processor.
// clang-format off: the order of these lines matters (tests/support/emulated_avx512.h)
#include "tests/support/emulated_avxvnni.h"

#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::emulated { using namespace slm::kernels; }
#define kernels emulated
#include "kernels/gemm_q8/gemm_q8_avxvnni.cpp"
