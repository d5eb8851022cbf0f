// SPDX-License-Identifier: Apache-2.0
// SwiGLU, Shazeer 2020 (arXiv:2002.05202), eq. 5 without its linears: y = silu(gate) ⊙ up, silu(z) = z·σ(z).
#pragma once

#include "slm/core/matrix_view.h"
#include "slm/kernels/vec/vec.h"

namespace slm {

/// gate, up, y (T,F). y may be gate. Throws ArgumentError on shapes.
void swiglu_into(const kernels::VecVariant& vec, ConstMatrixView gate, ConstMatrixView up, MatrixView y);

/// Gradient, with σ of the gate:  dgate += dy ⊙ up ⊙ σ·(1 + gate·(1 − σ))      dup += dy ⊙ silu(gate)
void swiglu_grad(const kernels::VecVariant& vec, ConstMatrixView gate, ConstMatrixView up, ConstMatrixView dy,
                 MatrixView dgate, MatrixView dup);

}  // namespace slm
