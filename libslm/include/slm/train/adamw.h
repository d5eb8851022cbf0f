// SPDX-License-Identifier: Apache-2.0
// AdamW, Loshchilov & Hutter 2019 (arXiv:1711.05101, algorithm 2): Adam (Kingma & Ba 2015) with the decay of weights
// apart from the gradient. Vectors (norms, biases) do not decay. What is frozen stays as it is.
//   m = β₁·m + (1 − β₁)·g      v = β₂·v + (1 − β₂)·g²
//   w = w − η·wd·w − η·(m / (1 − β₁ᵗ)) / (sqrt(v / (1 − β₂ᵗ)) + eps)
// In: gradients of a TrainableModel.  Out: its new values.  Next: trainer.h.
#pragma once

#include <cstdint>
#include <span>

#include "slm/core/aligned_buffer.h"
#include "slm/model/trainable_model.h"

namespace slm {

struct AdamwOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;
};

class Adamw {
 public:
  /// Zero moments for all that is not frozen. Throws ArgumentError on options out of range. `model` must outlive it.
  Adamw(TrainableModel& model, const AdamwOptions& options);

  /// One step from the gradients at hand. Throws ArgumentError where the rate is negative or no number.
  void step(double learning_rate);

  int64_t steps() const { return steps_; }
  /// Moments of a parameter that is not frozen.
  std::span<float> first_moment(const Parameter& p) { return of(p, first_); }
  std::span<float> second_moment(const Parameter& p) { return of(p, second_); }
  void set_steps(int64_t steps) { steps_ = steps; }

 private:
  std::span<float> of(const Parameter& p, AlignedBuffer& moments) const;
  TrainableModel& model_;
  const AdamwOptions options_;
  int64_t steps_ = 0;
  AlignedBuffer first_, second_;  // laid out as the model's gradients
};

}  // namespace slm
