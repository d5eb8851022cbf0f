// SPDX-License-Identifier: Apache-2.0
// Teacher: a model of inference, in any scheme, that says what it would have predicted at the rows of a training batch.
// It runs through the same decoder text on RuntimeExecutor; its logits are made for a chunk of rows at a time.
// In: packed rows.  Out: logits for ops/head_loss.h.  Next: trainer.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "slm/data/packer.h"
#include "slm/model/load.h"
#include "slm/model/runtime_executor.h"
#include "slm/ops/head_loss.h"

namespace slm {

class Teacher {
 public:
  /// `rows`: of the longest sequence; `chunk_rows`: logits made at once. Throws ArgumentError on sizes, a sequence
  /// beyond the model's context.
  Teacher(std::shared_ptr<const Model> model, int64_t rows, int64_t chunk_rows);

  /// Runs the batch and keeps what its head needs at `targets`, rows of the batch in rising order.
  void run(std::span<const PackedRow> batch, std::span<const int32_t> targets);
  /// Logits of targets [begin, end), valid until the next call; at most chunk_rows.
  ConstMatrixView logits(int64_t begin, int64_t end);
  /// Bytes one would hold, nearly: packed weights, cache and step buffers.
  static uint64_t planned_bytes(const ModelFiles& files, const SchemePlan& plan, int64_t rows, int64_t chunk_rows);

 private:
  void run_piece(std::span<const PackedRow> piece, std::span<const int32_t> targets, int64_t first_row);
  std::shared_ptr<const Model> model_;
  KvCache cache_;
  RuntimeExecutor executor_;
  std::vector<float> hidden_;  // (targets, D)
};

}  // namespace slm
