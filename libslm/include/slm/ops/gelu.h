// SPDX-License-Identifier: Apache-2.0
// GELU, Hendrycks & Gimpel 2016 (arXiv:1606.08415), the form with tanh (Hugging Face: gelu_new, gelu_pytorch_tanh):
//   y = ½·x·(1 + tanh(u)), u = √(2/π)·(x + 0.044715·x³)
#pragma once

#include "slm/core/matrix_view.h"

namespace slm {

/// x, y (T,F). y may be x. Throws ArgumentError on shapes.
void gelu_into(ConstMatrixView x, MatrixView y);

/// dx += dy ⊙ (½·(1 + tanh(u)) + ½·x·(1 − tanh²(u))·√(2/π)·(1 + 3·0.044715·x²)). Throws ArgumentError on shapes.
void gelu_grad(ConstMatrixView x, ConstMatrixView dy, MatrixView dx);

}  // namespace slm
