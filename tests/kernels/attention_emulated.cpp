// SPDX-License-Identifier: Apache-2.0
// The AVX-512 source of attention under namespace slm::emulated, run by attention_test.cpp on any AVX2 processor.
// clang-format off: the order of these lines matters (tests/support/emulated_avx512.h)
#include "tests/support/emulated_avx512.h"

#include "kernels/attention/attention_isas.h"
#include "slm/kernels/attention/attention.h"

namespace slm::emulated { using namespace slm::kernels; }
#define kernels emulated
#include "kernels/attention/attention_avx512vnni.cpp"
