// SPDX-License-Identifier: Apache-2.0
// Checkpoints: all a run needs to go on as if it had not stopped: weights, moments, the place in the data. A folder
//   <run>/checkpoints/step-00000100/   weights.safetensors  moments.safetensors  state.json  sha256sums
// is written under a temporary name and renamed when it is whole; the last few are kept. At every moment there is a
// whole one, once there was: one that another takes the place of is moved aside, and counts until that one is there.
// In: a Trainer.  Out: a folder, and back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "slm/train/trainer.h"

namespace slm {

/// What decides a run: values by name, as text.
using RunIdentity = std::map<std::string, std::string>;

/// What was measured with the weights of a checkpoint, by name.
using Measurements = std::map<std::string, double>;

struct CheckpointOptions {
  std::filesystem::path folder;  ///< of all checkpoints of the run
  int64_t keep = 1;              ///< how many stay
  /// What a run is: a checkpoint of another one is refused, naming the first value that differs. Only what stands here
  /// is compared: a caller puts in what decides its run, fingerprints of its data too.
  RunIdentity identity;
};

/// Steps of those there are to go on from, in rising order.
std::vector<int64_t> checkpoint_steps(const CheckpointOptions& options);

/// Writes a checkpoint of the step just done, then removes those of later steps (of a run this one takes the place of)
/// and what an earlier save left unfinished. Throws IoError, NotFiniteError where a weight or a moment is no finite
/// number; older checkpoints are then as they were.
std::filesystem::path save_checkpoint(const CheckpointOptions& options, Trainer& trainer,
                                      const Measurements& measured = {});

/// Removes the oldest beyond `keep`. For when the newest has proven good: only the loss of the next step tells that
/// finite weights are not too large to go on from.
void remove_oldest_checkpoints(const CheckpointOptions& options);

/// Throws FormatError where the newest checkpoint is damaged or of another run, as load_checkpoint: for who has long
/// work to do before it. Cost: one read. `progress` in bytes, file by file.
void check_checkpoint(const CheckpointOptions& options, const Progress& progress = {});

/// What the newest whole checkpoint was saved with; nothing where there is none. Throws FormatError as
/// check_checkpoint, but looks at state.json alone.
Measurements measured_at_checkpoint(const CheckpointOptions& options);

/// Puts the newest whole checkpoint into the trainer; false where there is none. Throws FormatError where it is damaged
/// (a bit is other than it was written: sha256sums), holds a value that is not finite, or is of another model or run,
/// naming it.
bool load_checkpoint(const CheckpointOptions& options, Trainer& trainer, const Progress& progress = {});

}  // namespace slm
