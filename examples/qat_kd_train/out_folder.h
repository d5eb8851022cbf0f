// SPDX-License-Identifier: Apache-2.0
// What --out holds: checkpoints/ and best/ to go on from, metrics.jsonl, in the end model.gguf and f32/.
// In: the options of a run.  Out: where each lies, and whether this run may write there.  Next: run.h, ship.h.
#pragma once

#include <string>

#include "qat_kd_train/options.h"
#include "slm/io/folder_lock.h"
#include "slm/train/checkpoint.h"

namespace slm {

CheckpointOptions checkpoints_of(const TrainOptions& options);
/// Of the weights with the best perplexity so far.
CheckpointOptions best_of(const TrainOptions& options, const RunIdentity& identity = {});

struct Shipped {
  std::string gguf, folder;
};
Shipped shipped_by(const TrainOptions& options);

/// Makes the folder of the run; it is this run's alone as long as the result lives. Throws IoError where --out cannot
/// be a folder one may write to or another run writes there; ArgumentError where it holds checkpoints of a run that
/// `resume` does not ask to go on with, or its metrics, or a trained model that no checkpoint belongs to: they would be
/// lost.
FolderLock prepare_out_folder(const TrainOptions& options);

/// Throws FormatError where --resume could not go on from what --out holds, or --ship best could not ship it.
void check_resumable(const TrainOptions& options, const CheckpointOptions& checkpoints);

}  // namespace slm
