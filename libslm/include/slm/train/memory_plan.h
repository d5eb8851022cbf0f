// SPDX-License-Identifier: Apache-2.0
// Memory plan: what a run will hold at its fullest, before its first step.
#pragma once

#include <cstdint>

#include "slm/model/trainable_model.h"
#include "slm/train/trainer.h"

namespace slm {

struct MemoryPlan {
  uint64_t weights = 0;  ///< float32 parameters
  uint64_t gradients = 0;
  uint64_t moments = 0;      ///< of AdamW
  uint64_t activations = 0;  ///< what the tape keeps of a batch, and the gradients that live at once
  uint64_t head = 0;         ///< a chunk of logits; a row of gradients for each thread, with kd_top_k also one of ids
  uint64_t packing = 0;      ///< what the float products pack into
  uint64_t teacher = 0;      ///< packed weights, cache, step buffers and its chunk of logits
  uint64_t validation = 0;   ///< what the packed model that is measured adds to the rest
  uint64_t program = 0;      ///< the program itself, its libraries, tokenizer and data
  uint64_t total() const {
    return weights + gradients + moments + activations + head + packing + teacher + validation + program;
  }
  uint64_t checkpoint() const { return gradients + moments; }  ///< bytes of its files: what is trained, and its moments
};

/// Bytes of what a run holds besides its trainer.
struct BesideTraining {
  uint64_t teacher = 0;           ///< Teacher::planned_bytes
  uint64_t validation = 0;        ///< planned_validation_bytes
  bool validates_on_way = false;  ///< beside the trainer, not only before there is one
  uint64_t program = 0;           ///< resident before the model is read
};

/// `rows`: of the longest batch.
MemoryPlan plan_memory(const ModelFiles& files, const TrainableOptions& model, const TrainerOptions& trainer,
                       int64_t rows, const BesideTraining& beside);

}  // namespace slm
