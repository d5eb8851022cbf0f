// SPDX-License-Identifier: Apache-2.0
// What a run takes at its fullest, in memory and on disk, known before anything large is read.
// In: options, files, text.  Out: bytes, or an error where there is no room.  Next: slm/train/memory_plan.h.
#pragma once

#include <cstdint>

#include "qat_kd_train/options.h"
#include "qat_kd_train/text.h"
#include "slm/model/model_files.h"
#include "slm/train/memory_plan.h"

namespace slm {

/// Bytes of --out at its fullest: all checkpoints, the best one too, and one more in the writing or, at the end, the
/// model.
uint64_t planned_disk_bytes(const TrainOptions& options, const ModelFiles& student, const MemoryPlan& plan);

/// Says on stderr what the run will take at its fullest, in memory and on disk. `teacher`: bytes it will hold. Throws
/// ArgumentError where that is beyond --memory-limit or the machine, IoError where the disk has no room for what is not
/// there yet.
MemoryPlan plan_run(const TrainOptions& options, const ModelFiles& student, const TrainingText& text,
                    const TrainerOptions& training, uint64_t teacher);

}  // namespace slm
