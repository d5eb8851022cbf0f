// SPDX-License-Identifier: Apache-2.0
// Cross-entropy of one row of logits z against a label y, and its gradient:
//   L = log Σ exp(z) − z_y        dL/dz = softmax(z) − onehot(y)
#pragma once

#include <cstdint>
#include <span>

#include "slm/kernels/vec/vec.h"

namespace slm {

/// L in nats, over all entries of the row (also padded ones, as Hugging Face does). Throws ArgumentError on a label
/// outside the row. Cost: one pass of exponentials.
double cross_entropy(const kernels::VecVariant& vec, std::span<const float> logits, int32_t label);

/// dlogits += scale·dL/dz; returns L. Cost: two passes of exponentials.
double cross_entropy_grad(const kernels::VecVariant& vec, std::span<const float> logits, int32_t label, double scale,
                          std::span<float> dlogits);

}  // namespace slm
