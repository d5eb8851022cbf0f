// SPDX-License-Identifier: Apache-2.0
// The head and both losses in one pass, a chunk of rows at a time, so that logits of student and teacher and their
// gradient never exist for more than a chunk:
//   logits = x·Ŵᵀ        loss = Σ over rows of (1 − λ)·CE(logits, label) + λ·T²·KL(teacher ‖ logits)
// Loss and gradient come together: the loss is the last thing that is computed.
// In: what the head multiplies (R,D), labels.  Out: sums of the losses, dx, dW.  Next: autograd/, train/.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "slm/core/aligned_buffer.h"
#include "slm/core/matrix_view.h"
#include "slm/kernels/vec/vec.h"
#include "slm/ops/float_linear.h"

namespace slm {

/// Logits of the teacher for rows [begin, end), valid until the next call. Its vocabulary may be padded to another
/// size.
using TeacherLogits = std::function<ConstMatrixView(int64_t begin, int64_t end)>;

struct HeadLossOptions {
  double kd_weight = 0.0;    ///< λ
  double temperature = 1.0;  ///< T of the distillation loss
  int64_t kd_vocab = 0;  ///< ids that both vocabularies have: the KL is over the first so many; 0: all the student's
  int64_t kd_top_k = 0;  ///< the teacher's likeliest tokens told apart, the rest one event; 0: all
  int64_t chunk_rows = 128;
  /// Throws ArgumentError: λ outside [0, 1], T or chunk_rows not positive, kd_vocab not 0 to `vocab` (the student's),
  /// kd_top_k not 0 to the number of ids compared.
  void check(int64_t vocab) const;
};

/// Sums over rows, unscaled, in nats: the means are these by rows.
struct HeadLoss {
  double cross_entropy = 0.0;
  double kl = 0.0;  ///< KL(teacher ‖ student), without T²
  int64_t rows = 0;
  HeadLoss& operator+=(const HeadLoss& other) {
    cross_entropy += other.cross_entropy;
    kl += other.kl;
    rows += other.rows;
    return *this;
  }
  /// (1 − λ)·CE + λ·T²·KL, the mean over rows.
  double mean(const HeadLossOptions& options) const;
};

/// Adds scale·d(loss) to dx (R,D), of the input's values, and dw (V,D); either may have no data: not wanted. A teacher
/// is asked only where λ > 0, cross-entropy makes a gradient only where λ < 1. The quantizer's clip mask of dw is the
/// caller's (WeightView). Throws ArgumentError on shapes, labels, λ outside [0, 1], λ > 0 without a teacher.
/// Cost: 6·R·V·D, less where a gradient is not wanted, and the teacher; memory: a chunk of logits (logits_buffer, grown
/// where it is too small), a row of V floats for each thread, with kd_top_k also one of the ids compared (int32).
HeadLoss head_loss_grad(GemmScratch& scratch, AlignedBuffer& logits_buffer, const kernels::VecVariant& vec,
                        const WeightView& table, const TrainInput& input, std::span<const int32_t> labels,
                        const TeacherLogits& teacher, const HeadLossOptions& options, double scale, MatrixView dx,
                        MatrixView dw);

}  // namespace slm
