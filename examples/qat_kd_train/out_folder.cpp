// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/out_folder.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "cli/terminal.h"

namespace slm {

CheckpointOptions checkpoints_of(const TrainOptions& o) {
  return {.folder = std::filesystem::path(o.out) / "checkpoints", .keep = o.keep, .identity = {}};
}

CheckpointOptions best_of(const TrainOptions& o, const RunIdentity& identity) {
  return {.folder = std::filesystem::path(o.out) / "best", .keep = 1, .identity = identity};
}

Shipped shipped_by(const TrainOptions& o) {
  const std::filesystem::path out(o.out);
  return {.gguf = (out / "model.gguf").string(), .folder = (out / "f32").string()};
}

FolderLock prepare_out_folder(const TrainOptions& o) {
  std::error_code error;
  std::filesystem::create_directories(o.out, error);
  if (error) throw IoError(fmt::format("[train] --out {} cannot be made a folder", o.out), error.value());
  FolderLock ours(o.out);
  const bool checkpoints = !checkpoint_steps(checkpoints_of(o)).empty() || !checkpoint_steps(best_of(o)).empty();
  if (checkpoints && !o.resume)
    throw ArgumentError(fmt::format(
        "[train] --out {} holds checkpoints: --resume goes on from them, a new run needs another --out", o.out));
  const Shipped shipped = shipped_by(o);
  const bool trained = std::filesystem::is_regular_file(shipped.gguf, error) ||
                       std::filesystem::is_regular_file(shipped.folder + "/model.safetensors", error);
  if (!checkpoints && trained)
    throw ArgumentError(fmt::format(
        "[train] --out {} holds a trained model and no checkpoint to go on from: a new run needs another --out",
        o.out));
  const std::filesystem::path metrics = std::filesystem::path(o.out) / "metrics.jsonl";
  if (!o.resume && std::filesystem::exists(metrics, error) && !std::filesystem::is_empty(metrics, error))
    throw ArgumentError(fmt::format(
        "[train] --out {} holds the metrics of a run: a new run needs another --out, or metrics.jsonl removed", o.out));
  return ours;
}

void check_resumable(const TrainOptions& o, const CheckpointOptions& checkpoints) {
  ProgressLine line("checking");
  check_checkpoint(checkpoints, line.callback());
  check_checkpoint(best_of(o, checkpoints.identity), line.callback());
}

}  // namespace slm
