// SPDX-License-Identifier: Apache-2.0
// LayerNorm, Ba et al. 2016 (arXiv:1607.06450), eq. 3 and 4: y = x̂ ⊙ w + b, x̂ = (x − mean(x)) / sqrt(var(x) + eps),
// row by row; var is the mean of squares, not the sample's.
#pragma once

#include <span>

#include "slm/core/matrix_view.h"

namespace slm {

/// x, y (T,D); w, b (D). y may be x. Sums in double. Throws ArgumentError on shapes.
void layer_norm_into(ConstMatrixView x, std::span<const float> w, std::span<const float> b, float eps, MatrixView y);

/// Gradient, with g = w ⊙ dy and r = 1/sqrt(var + eps):
///   dx += r·(g − mean(g) − x̂·mean(g ⊙ x̂))      dw += Σ over rows of dy ⊙ x̂      db += Σ over rows of dy
/// dw, db (D), or empty where frozen. Throws ArgumentError on shapes.
void layer_norm_grad(ConstMatrixView x, std::span<const float> w, float eps, ConstMatrixView dy, MatrixView dx,
                     std::span<float> dw, std::span<float> db);

}  // namespace slm
