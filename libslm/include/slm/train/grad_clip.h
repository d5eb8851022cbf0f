// SPDX-License-Identifier: Apache-2.0
// Clipping by the global norm, Pascanu et al. 2013 (arXiv:1211.5063, algorithm 1): g ← g·min(1, c/‖g‖₂).
#pragma once

#include <span>

namespace slm {

/// ‖g‖₂ before clipping; g is scaled where it is more than `limit` > 0 and finite; 0: only measured. The sum is carried
/// in double over pieces of fixed size: the same for any number of threads. Throws ArgumentError on a negative limit.
double clip_grad_norm_(std::span<float> grads, double limit);

}  // namespace slm
