// SPDX-License-Identifier: Apache-2.0
// What makes a run this run: options by value, models and text by what they hold, not by where they lie.
#pragma once

#include <cstdint>

#include "qat_kd_train/options.h"
#include "qat_kd_train/text.h"
#include "slm/model/model_files.h"
#include "slm/train/checkpoint.h"

namespace slm {

/// For CheckpointOptions::identity; `teacher` may be null. Reads the models' files once (cli/weights_hash.h). Throws
/// Interrupted.
RunIdentity identity_of(const TrainOptions& options, const TrainerOptions& trainer, uint64_t seed,
                        const TrainingText& text, const ModelFiles& student, const ModelFiles* teacher);

}  // namespace slm
