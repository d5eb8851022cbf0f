// SPDX-License-Identifier: Apache-2.0
// Validation: how well a packed model predicts the labels of sequences, the very rows training would see.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <span>

#include "slm/core/progress.h"
#include "slm/data/packer.h"
#include "slm/model/load.h"

namespace slm {

struct Validation {
  double mean_nll = 0.0;  ///< nats for a label
  double kl = 0.0;        ///< KL(reference ‖ model), mean over labels; 0 without a reference
  int64_t labels = 0;
  double perplexity() const { return std::exp(mean_nll); }
};

/// `reference` may be null. Throws as Teacher. The sums are in the sequences' order.
Validation validate(const std::shared_ptr<const Model>& model, const std::shared_ptr<const Model>& reference,
                    std::span<const PackedSequence> sequences, const Progress& progress = {});

}  // namespace slm
