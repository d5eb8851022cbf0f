// SPDX-License-Identifier: Apache-2.0
// The loop around Trainer::step: progress, metrics, checkpoints, what a signal does.
// In: a trainer, its checkpoints, how to validate.  Out: the trainer with the weights to ship.  Next: metrics_log.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "qat_kd_train/options.h"
#include "slm/train/checkpoint.h"

namespace slm {

struct RunResult {
  int64_t shipped_step = 0;  ///< whose weights the trainer holds now
  /// Mean over the last tenth of all steps, those before a resume too; nothing where metrics.jsonl lacks some of them.
  std::optional<double> loss;
  int64_t tokens = 0;
  double seconds = 0.0, teacher_seconds = 0.0;  ///< of this run's steps
};

/// Steps until options.steps are done, where `resume` from the last checkpoint, or the best one where there is no other
/// yet; then, where options.ship says so, goes back to the best. On a signal to end (an EndOnSignal lives) it saves a
/// checkpoint and throws Interrupted; DivergedError names the last checkpoint whose weights a step with a finite
/// loss began with: it stays until the next one has proven as good.
/// `validate`: the perplexity of the packed model as it is now, asked every options.validate_every steps and at the
/// end.
RunResult run_training(const TrainOptions& options, const CheckpointOptions& checkpoints, Trainer& trainer,
                       const std::function<double()>& validate);

}  // namespace slm
