// SPDX-License-Identifier: Apache-2.0
// SwiGLU, Shazeer 2020 (arXiv:2002.05202), eq. 5 without its last linear: y = silu(gate) ⊙ up, silu(z) = z·σ(z).
#pragma once

#include <span>

#include "slm/core/matrix_view.h"
#include "slm/kernels/vec/vec.h"
#include "slm/ops/linear.h"

namespace slm {

/// gate, up, y (T,F). y may be gate. Throws ArgumentError on shapes.
void swiglu_into(const kernels::VecVariant& vec, ConstMatrixView gate, ConstMatrixView up, MatrixView y);

/// Whether swiglu_linear_into takes w: gate and up begin with a panel of their own.
bool fuses_swiglu(const PackedMatrix& w);

/// y (m,F) = silu(x·Wgᵀ) ⊙ (x·Wuᵀ), w (2F,k) the rows of Wg, then those of Wu: the bits of linear_into and swiglu_into.
/// Some columns at a time, so that what lies between stays in the caches: at 256 rows of Qwen2.5-0.5B (m,2F) is 10 MB,
/// written and read again. scratch: kSwigluScratch floats for each thread that shall work. Throws
/// ArgumentError on shapes, no rows, and where not fuses_swiglu(w). Cost: 4·m·F·k.
inline constexpr int64_t kSwigluScratch = 1 << 16;
void swiglu_linear_into(const kernels::VecVariant& vec, LinearInput& input, const PackedMatrix& w,
                        std::span<float> scratch, MatrixView y);

/// Gradient, with σ of the gate:  dgate += dy ⊙ up ⊙ σ·(1 + gate·(1 − σ))      dup += dy ⊙ silu(gate)
void swiglu_grad(const kernels::VecVariant& vec, ConstMatrixView gate, ConstMatrixView up, ConstMatrixView dy,
                 MatrixView dgate, MatrixView dup);

}  // namespace slm
