// SPDX-License-Identifier: Apache-2.0
// What this machine can do at most: operations a second by kind, bytes a second from memory. Benches divide by it.
#pragma once

#include <optional>

#include "slm/kernels/isa.h"

namespace slm {

/// Of one instruction set, for so many threads together.
struct Peaks {
  kernels::Isa isa = kernels::Isa::Scalar;
  int threads = 1;
  double f32 = 0.0, int8 = 0.0, bf16 = 0.0;  ///< operations a second; 0: no loop for this instruction set
  double memory = 0.0;                       ///< bytes a second, read
};

/// Of `isa`, or of the one that the kernels would choose (SLM_ISA forces one); of scalar code nothing is known. The best
/// of several tries of each, measured when first asked for: about two seconds, and 256 MB for each thread.
const Peaks& peaks(int threads, std::optional<kernels::Isa> isa = {});

}  // namespace slm
