// SPDX-License-Identifier: Apache-2.0
// The residual stream: x += y, row by row.
#pragma once

#include "slm/core/matrix_view.h"
#include "slm/kernels/vec/vec.h"

namespace slm {

/// x, y (T,D). Throws ArgumentError on shapes.
void add_(const kernels::VecVariant& vec, MatrixView x, ConstMatrixView y);

}  // namespace slm
