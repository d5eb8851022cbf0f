// SPDX-License-Identifier: Apache-2.0
// The loop around Trainer::step: progress, metrics, checkpoints, what a signal does.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "qat_kd_train/options.h"
#include "qat_kd_train/text.h"
#include "slm/io/folder_lock.h"
#include "slm/text/tokenizer.h"
#include "slm/train/checkpoint.h"
#include "slm/train/memory_plan.h"

namespace slm {

/// Makes the folder of the run; it is this run's alone as long as the result lives. Throws IoError where --out cannot
/// be a folder one may write to or another run writes there; ArgumentError where it holds checkpoints of a run that
/// `resume` does not ask to go on with, or a trained model that no checkpoint belongs to: they would be lost.
FolderLock prepare_out_folder(const TrainOptions& options);
CheckpointOptions checkpoints_of(const TrainOptions& options);

/// Throws FormatError where --resume could not go on from what --out holds, or --ship best could not ship it.
void check_resumable(const TrainOptions& options, const CheckpointOptions& checkpoints);

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

/// Throws what would stand against writing the result: before hours of training.
void check_shippable(const TrainOptions& options, const ModelFiles& student, const Tokenizer& tokenizer);
/// The files with the model's values as they are now, and the static inputs found with them.
ModelFiles values_of(const ModelFiles& files, const TrainableModel& model, const StaticInputs& inputs = {});

struct Shipped {
  std::string gguf, folder;
};
/// What was trained is what is shipped, the exporter's integers are the trainer's: --out/model.gguf in the scheme,
/// --out/f32/ as it is.
Shipped ship(const TrainOptions& options, const ModelFiles& trained, const Tokenizer& tokenizer);

/// Bytes of --out at its fullest: all checkpoints, the best one too, and one more in the writing or, at the end, the
/// model.
uint64_t planned_disk_bytes(const TrainOptions& options, const ModelFiles& student, const MemoryPlan& plan);
/// Says on stderr what the run will take at its fullest, in memory and on disk. `teacher`: bytes it will hold. Throws
/// ArgumentError where that is beyond --memory-limit or the machine, IoError where the disk has no room for what is not
/// there yet.
MemoryPlan plan_run(const TrainOptions& options, const ModelFiles& student, const TrainingText& text,
                    const TrainerOptions& training, uint64_t teacher);

}  // namespace slm
