// SPDX-License-Identifier: Apache-2.0
// Validation: how well a packed model predicts the labels of sequences, the very rows training would see.
#pragma once

#include <cmath>
#include <memory>
#include <span>

#include "slm/core/progress.h"
#include "slm/data/packer.h"
#include "slm/model/load.h"

namespace slm {

struct Validation {
  double mean_nll = 0.0;  ///< nats for a label
  int64_t labels = 0;
  double perplexity() const { return std::exp(mean_nll); }
};

/// Throws as Teacher; ArgumentError where no row has a label. The sums are in the sequences' order.
Validation validate(const std::shared_ptr<const Model>& model, std::span<const PackedSequence> sequences,
                    const Progress& progress = {});

/// Bytes validate() and its model under `plan` hold, nearly.
uint64_t planned_validation_bytes(const ModelFiles& files, const SchemePlan& plan,
                                  std::span<const PackedSequence> sequences);

}  // namespace slm
