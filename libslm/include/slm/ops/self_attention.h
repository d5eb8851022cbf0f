// SPDX-License-Identifier: Apache-2.0
// Causal self-attention of the rows of a batch over themselves, as training runs it, and its gradient. Rows of several
// documents may lie one after another: row t sees the keys [key_begin[t], t], so nothing of another document.
//   S = scale·q·kᵀ   P = softmax(S)   out = P·v                      (Vaswani et al. 2017, eq. 1; ops/attention.h)
//   dv = Pᵀ·dout   dP = dout·vᵀ   dS = P ⊙ (dP − rowsum(dout ⊙ out))   dq = scale·dS·k   dk = scale·dSᵀ·q
// (Dao et al. 2022, eq. 3 and 4.) P is made again for the gradient, for 64 rows of one head at a time.
// In: q (T,H·Dh), k and v (T,Hkv·Dh).  Out: rows, gradients.  Next: autograd/.
#pragma once

#include <cstdint>
#include <span>

#include "slm/core/matrix_view.h"
#include "slm/kernels/vec/vec.h"
#include "slm/ops/attention.h"
#include "slm/ops/float_linear.h"

namespace slm {

/// Runs the kernel of inference over a cache made of k and v. Throws ArgumentError on shapes, a key_begin outside
/// [0, t]. Cost: 4·H·Dh for each key a row sees.
void self_attention_into(GemmScratch& scratch, const AttentionShape& shape, ConstMatrixView q, ConstMatrixView k,
                         ConstMatrixView v, std::span<const int32_t> key_begin, MatrixView out);

/// Adds to dq, dk, dv. Threads split query heads; the sums are the same for any number of them. Throws as above.
/// Cost: 10·H·Dh for each key a row sees.
void self_attention_grad(GemmScratch& scratch, const kernels::VecVariant& vec, const AttentionShape& shape,
                         ConstMatrixView q, ConstMatrixView k, ConstMatrixView v, ConstMatrixView out,
                         ConstMatrixView dout, std::span<const int32_t> key_begin, MatrixView dq, MatrixView dk,
                         MatrixView dv);

}  // namespace slm
