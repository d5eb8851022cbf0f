// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <numeric>
#include <optional>

#include "cli/program.h"
#include "cli/terminal.h"
#include "slm/export/gguf_model.h"
#include "slm/export/hf_folder.h"
#include "slm/io/atomic_file.h"
#include "slm/io/json.h"

namespace slm {
namespace {

/// metrics.jsonl: a line for each step. After a resume it goes on behind the step that was resumed from.
class Metrics {
 public:
  Metrics(const std::filesystem::path& path, int64_t steps_done) : path_(path.string()) {
    std::string kept;
    std::ifstream before(path);
    int64_t step = 0;
    for (std::string line; steps_done > step && std::getline(before, line);) {
      const Json json = parse_json(line, path_);
      step = json_value<int64_t>(json, "step", 0, path_);
      if (step > steps_done) break;
      kept += line + "\n";
      losses_.push_back(json_value<double>(json, "loss", 0.0, path_));
    }
    write_file(path, kept);
    file_.open(path, std::ios::app);
  }
  void add(const StepReport& r) {
    const JsonDocument line = {{"step", r.step},
                               {"loss", r.loss},
                               {"cross_entropy", r.cross_entropy},
                               {"kl", r.kl},
                               {"grad_norm", r.grad_norm},
                               {"learning_rate", r.learning_rate},
                               {"tokens", r.tokens},
                               {"targets", r.targets},
                               {"seconds", r.seconds},
                               {"teacher_seconds", r.teacher_seconds}};
    file_ << line.dump() << '\n' << std::flush;
    if (!file_) throw IoError("[train] cannot write " + path_, errno);
    losses_.push_back(r.loss);
  }
  /// Mean loss of the last `count` steps, or of all where there are fewer.
  double mean_loss(int64_t count) const {
    const auto first = losses_.end() - std::min(count, std::ssize(losses_));
    return first == losses_.end()
               ? 0.0
               : std::accumulate(first, losses_.end(), 0.0) / static_cast<double>(losses_.end() - first);
  }

 private:
  std::string path_;
  std::ofstream file_;
  std::vector<double> losses_;  // of all steps in the file
};

}  // namespace

CheckpointOptions checkpoints_of(const TrainOptions& o) {
  return {.folder = std::filesystem::path(o.out) / "checkpoints", .keep = o.keep, .identity = {}};
}

void prepare_out_folder(const TrainOptions& o) {
  std::error_code error;
  std::filesystem::create_directories(o.out, error);
  if (error) throw IoError(fmt::format("[train] --out {} cannot be made a folder", o.out), error.value());
  const std::filesystem::path probe = std::filesystem::path(o.out) / ".writable";
  write_file(probe, "");
  std::filesystem::remove(probe, error);
  if (!o.resume && has_checkpoint(checkpoints_of(o)))
    throw ArgumentError(fmt::format(
        "[train] --out {} holds checkpoints: --resume goes on from them, a new run needs another --out", o.out));
}

RunResult run_training(const TrainOptions& o, const CheckpointOptions& checkpoints, Trainer& trainer) {
  std::string last_checkpoint = "none";
  if (o.resume && load_checkpoint(checkpoints, trainer)) {
    last_checkpoint = fmt::format("of step {}", trainer.steps_done());
    tell("resumed from the checkpoint {}\n", last_checkpoint);
  }
  Metrics metrics(std::filesystem::path(o.out) / "metrics.jsonl", trainer.steps_done());
  const auto save = [&] {
    save_checkpoint(checkpoints, trainer, {});
    last_checkpoint = fmt::format("of step {}", trainer.steps_done());
  };
  RunResult result;
  std::optional<ProgressLine> line(std::in_place, "training");
  while (trainer.steps_done() < o.steps) {
    StepReport step;
    try {
      step = trainer.step();
    } catch (const DivergedError& error) {
      throw DivergedError(fmt::format("{}; the last checkpoint is {}", error.what(), last_checkpoint));
    }
    metrics.add(step);
    result.tokens += step.tokens;
    result.seconds += step.seconds;
    result.teacher_seconds += step.teacher_seconds;
    const bool last = step.step == o.steps, asked_to_end = EndOnSignal::raised();
    if (asked_to_end || (o.checkpoint_every > 0 && (last || step.step % o.checkpoint_every == 0))) save();
    if (asked_to_end) {
      line.reset();
      tell("saved the checkpoint {}; --resume goes on from it\n", last_checkpoint);
      EndOnSignal::check();
    }
    report(line->callback(),
           {fmt::format("loss {:.4f}, {:.0f} tok/s", step.loss, static_cast<double>(step.tokens) / step.seconds),
            static_cast<uint64_t>(step.step), static_cast<uint64_t>(o.steps)});
  }
  result.loss = metrics.mean_loss(std::max<int64_t>(1, o.steps / 10));
  return result;
}

Shipped ship(const TrainOptions& o, const ModelFiles& files, const TrainableModel& model, const Tokenizer& tokenizer) {
  const std::filesystem::path out(o.out);
  const Shipped shipped{.gguf = (out / "model.gguf").string(), .folder = (out / "f32").string()};
  const ModelFiles trained = files.with_values([&](const std::string& name) { return model.parameter(name).value; });
  ProgressLine line("writing");
  export_gguf(trained, tokenizer.data(), shipped.gguf, {.plan = plan_of(o), .progress = line.callback()});
  export_hf_folder(trained, tokenizer.data(), shipped.folder,
                   {.weights = WeightScheme::F32, .progress = line.callback()});
  return shipped;
}

void tell_plan(const TrainOptions& o, const MemoryPlan& plan) {
  tell(
      "planned memory: {} = weights {} + gradients {} + moments {} + activations {} + head {} + packing {} + "
      "teacher {} + program {}\n",
      megabytes(plan.total()), megabytes(plan.weights), megabytes(plan.gradients), megabytes(plan.moments),
      megabytes(plan.activations), megabytes(plan.head), megabytes(plan.packing), megabytes(plan.teacher),
      megabytes(plan.program));
  if (o.memory_limit_gb > 0 && static_cast<double>(plan.total()) > o.memory_limit_gb * 1e9)
    throw ArgumentError(
        fmt::format("[train] the run needs {}, --memory-limit is {:g} GB", megabytes(plan.total()), o.memory_limit_gb));
}

}  // namespace slm
