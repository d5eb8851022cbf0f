// SPDX-License-Identifier: Apache-2.0
// What the environment asks of every operation, checked before the first one: OMP_NUM_THREADS (core/parallel.h) and
// SLM_ISA (kernels/isa.h).
#pragma once

namespace slm {

/// Throws ArgumentError where one of them cannot be used: an error of its own, neither ignored nor the fault of the
/// tensor that meets it first.
void check_environment();

}  // namespace slm
