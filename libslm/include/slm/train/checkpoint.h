// SPDX-License-Identifier: Apache-2.0
// Checkpoints: all a run needs to go on as if it had not stopped: weights, moments, the place in the data. A folder
//   <run>/checkpoints/step-00000100/   weights.safetensors  moments.safetensors  state.json
// is written under a temporary name and renamed when it is whole; the last few are kept.
// In: a Trainer.  Out: a folder, and back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "slm/io/json.h"
#include "slm/train/trainer.h"

namespace slm {

struct CheckpointOptions {
  std::filesystem::path folder;  ///< of all checkpoints of the run
  int64_t keep = 1;              ///< how many stay
  /// What a run is: a checkpoint of another one is refused, naming the first value that differs.
  Json identity;
};

/// Throws IoError that says how much is needed and how much is free, where `keep` + 1 checkpoints do not fit on the disk.
void check_free_space(const CheckpointOptions& options, const TrainableModel& model);

/// Writes a checkpoint of the step just done, then removes the oldest beyond `keep`. `notes` travel with it.
/// Throws IoError; older checkpoints are then as they were.
std::filesystem::path save_checkpoint(const CheckpointOptions& options, Trainer& trainer, const Json& notes);

/// Puts the newest whole checkpoint into the trainer; its notes, or nothing where there is no checkpoint. Throws
/// FormatError where it is damaged or of another model or run, naming it.
std::optional<Json> load_checkpoint(const CheckpointOptions& options, Trainer& trainer);

}  // namespace slm
