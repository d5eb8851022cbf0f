// SPDX-License-Identifier: Apache-2.0
// Loops that do nothing but what a processor is fastest at: multiply-adds whose operands lie in registers, and reading.
// What no kernel can exceed. One translation unit per instruction set, as in kernels/.
#pragma once

#include <cstddef>
#include <cstdint>

#include "slm/kernels/isa.h"

namespace slm {

/// Multiply-adds of one kind: `run(rounds)` does `operations` (a multiply and an add are two) for each round.
struct ArithmeticLoop {
  int64_t operations = 0;
  void (*run)(int64_t rounds) = nullptr;
};

struct PeakLoops {
  kernels::Isa isa;
  ArithmeticLoop f32;   ///< a·b + c
  ArithmeticLoop int8;  ///< products of bytes, added up in 32 bits: the instructions the integer GEMMs are made of
  ArithmeticLoop bf16;  ///< products of bfloat16, added up in float32; none where the instruction set has none
  /// Reads `bytes` (a multiple of 256) once, in order, asking for the line `ahead` bytes further on (0: not asking).
  void (*read)(const std::byte* from, size_t bytes, size_t ahead);
};

PeakLoops peak_loops_avx2(kernels::Isa isa);
PeakLoops peak_loops_avxvnni(kernels::Isa isa);
PeakLoops peak_loops_avx512vnni(kernels::Isa isa);
PeakLoops peak_loops_avx512bf16(kernels::Isa isa);
PeakLoops peak_loops_neon_dotprod(kernels::Isa isa);
PeakLoops peak_loops_neon_i8mm(kernels::Isa isa);

}  // namespace slm
