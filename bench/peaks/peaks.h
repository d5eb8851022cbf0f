// SPDX-License-Identifier: Apache-2.0
// What this machine can do at most: operations a second by kind, bytes a second from memory. Benches divide by it.
#pragma once

#include <cstddef>
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

/// Of `isa`, or of the one that the kernels would choose (SLM_ISA forces one); of scalar code nothing is known. The
/// best of several tries of each, measured when first asked for: some seconds, and bytes_beyond_caches() for each
/// thread.
const Peaks& peaks(int threads, std::optional<kernels::Isa> isa = {});

/// So much that no cache of this machine holds it: 256 MB, or twice the last-level cache where the system tells its
/// size.
size_t bytes_beyond_caches();

}  // namespace slm
