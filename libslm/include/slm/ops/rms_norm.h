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

}  // namespace slm
