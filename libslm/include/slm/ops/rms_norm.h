// SPDX-License-Identifier: Apache-2.0
// RMSNorm, Zhang & Sennrich 2019 (arXiv:1910.07467), eq. 4: y = x ⊙ w / sqrt(mean(x²) + eps), row by row.
#pragma once

#include <span>

#include "slm/core/matrix_view.h"
#include "slm/kernels/vec/vec.h"

namespace slm {

/// x, y (T,D); w (D). y may be x. Throws ArgumentError on shapes.
void rms_norm_into(const kernels::VecVariant& vec, ConstMatrixView x, std::span<const float> w, float eps,
                   MatrixView y);

/// Gradient, with r = 1/sqrt(mean(x²) + eps) of each row:
///   dx += r·(w ⊙ dy) − x·r³·Σ(w ⊙ dy ⊙ x)/D      dw += Σ over rows of r·(dy ⊙ x)
/// dw (D), or empty where w is frozen. Throws ArgumentError on shapes.
void rms_norm_grad(const kernels::VecVariant& vec, ConstMatrixView x, std::span<const float> w, float eps,
                   ConstMatrixView dy, MatrixView dx, std::span<float> dw);

}  // namespace slm
