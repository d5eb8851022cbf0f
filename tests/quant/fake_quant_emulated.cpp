// SPDX-License-Identifier: Apache-2.0
// The AVX-512 source of fake_quant under namespace slm::emulated, run by fake_quant_kernels_test.cpp on any AVX2
// processor.
// clang-format off: the order of these lines matters (tests/support/emulated_avx512.h)
#include "tests/support/emulated_avx512.h"

#include "kernels/fake_quant/fake_quant_isas.h"
#include "slm/kernels/fake_quant/fake_quant.h"

namespace slm::emulated {
using namespace slm::kernels;
}
#define kernels emulated
#include "kernels/fake_quant/fake_quant_avx512vnni.cpp"
