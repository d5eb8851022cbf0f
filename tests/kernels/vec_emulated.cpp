// SPDX-License-Identifier: Apache-2.0
// The AVX-512 source of vec under namespace slm::emulated, run by the tests of vec on any AVX2 processor.
// clang-format off: the order of these lines matters (tests/support/emulated_avx512.h)
#include "tests/support/emulated_avx512.h"

#include "kernels/vec/vec_isas.h"
#include "slm/kernels/vec/vec.h"

namespace slm::emulated {
using namespace slm::kernels;
}
#define kernels emulated
#include "kernels/vec/vec_avx512vnni.cpp"
