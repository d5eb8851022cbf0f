// SPDX-License-Identifier: Apache-2.0
// The loop around Trainer::step: progress, metrics, checkpoints, what a signal does.
#pragma once

#include <cstdint>

#include "qat_kd_train/options.h"
#include "slm/train/checkpoint.h"
#include "slm/train/memory_plan.h"

namespace slm {

/// Throws IoError where --out cannot be a folder one may write to.
void make_out_folder(const std::string& out);

struct RunResult {
  double loss = 0.0;  ///< mean over the last tenth of the steps
  int64_t tokens = 0;
  double seconds = 0.0, teacher_seconds = 0.0;  ///< of this run's steps
};

/// Steps until options.steps are done, from the last checkpoint where `resume`. Throws Interrupted after a checkpoint was
/// saved; DivergedError naming the last good checkpoint.
RunResult run_training(const TrainOptions& options, const CheckpointOptions& checkpoints, Trainer& trainer);

/// Lines for stderr: what the run will hold at its fullest.
std::string describe(const MemoryPlan& plan);

}  // namespace slm
