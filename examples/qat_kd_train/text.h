// SPDX-License-Identifier: Apache-2.0
// The text of a run: what is learned, in batches, and what is measured.
#pragma once

#include <vector>

#include "qat_kd_train/options.h"
#include "slm/data/batcher.h"
#include "slm/text/tokenizer.h"

namespace slm {

struct TrainingText {
  Batcher batches;
  std::vector<PackedSequence> valid;
  uint64_t fingerprint = 0;  ///< of what is learned
};

/// FNV-1a over the rows.
uint64_t fingerprint(const std::vector<PackedSequence>& sequences);

/// Reads --train and --valid, or keeps the last 5 % of each training file for it. Throws as read_documents and
/// pack_documents.
TrainingText read_training_text(const TrainOptions& options, const Tokenizer& tokenizer, uint64_t seed);

}  // namespace slm
