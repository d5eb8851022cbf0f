// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <optional>

#include "cli/program.h"
#include "cli/terminal.h"
#include "slm/core/finite.h"
#include "slm/export/gguf_model.h"
#include "slm/export/hf_folder.h"
#include "slm/io/atomic_file.h"
#include "slm/io/free_space.h"
#include "slm/io/json.h"
#include "slm/train/validation.h"

namespace slm {
namespace {

constexpr const char* kPerplexity = "perplexity";

/// metrics.jsonl: a line for each step and each validation. After a resume it goes on behind those of the step that was
/// resumed from.
class Metrics {
 public:
  Metrics(const std::filesystem::path& path, int64_t steps_done) : path_(path.string()) {
    std::string kept;
    std::ifstream before(path);
    for (std::string line; steps_done > 0 && std::getline(before, line) && !before.eof();) {  // half a line is none
      try {
        if (!keep(parse_json(line, path_), steps_done)) break;
      } catch (const FormatError& error) {  // a power failure may leave anything here; the checkpoint is whole
        tell("warning: {}: kept up to there\n", error.what());
        break;
      }
      kept += line + "\n";
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
    write(line);
    losses_[r.step] = r.loss;
  }
  void add_validation(int64_t step, double perplexity) {
    write({{"step", step}, {kPerplexity, perplexity}});
    note_validation(step, perplexity);
  }
  /// Of a validation whose line may have been lost.
  void note_best(double perplexity) { best_perplexity_ = std::min(best_perplexity_, perplexity); }
  int64_t last_validated() const { return last_validated_; }   ///< 0: no step was
  double best_perplexity() const { return best_perplexity_; }  ///< infinity: none was measured
  /// Mean loss of the `count` steps up to `last`; nothing where a line of them is missing.
  std::optional<double> mean_loss(int64_t last, int64_t count) const {
    double sum = 0;
    for (int64_t step = last - count + 1; step <= last; ++step) {
      const auto it = losses_.find(step);
      if (it == losses_.end()) return std::nullopt;
      sum += it->second;
    }
    return sum / static_cast<double>(count);
  }

 private:
  /// Whether the line is of a step that was done.
  bool keep(const Json& json, int64_t steps_done) {
    const auto step = json_value<int64_t>(json, "step", 0, path_);
    if (step > steps_done) return false;
    if (json.contains("loss")) losses_[step] = json_value<double>(json, "loss", 0.0, path_);
    if (json.contains(kPerplexity)) note_validation(step, json_value<double>(json, kPerplexity, 0.0, path_));
    return true;
  }
  void note_validation(int64_t step, double perplexity) {
    last_validated_ = step;
    note_best(perplexity);
  }
  void write(const JsonDocument& line) {
    file_ << line.dump() << '\n' << std::flush;
    if (!file_) throw IoError("[train] cannot write " + path_, errno);
  }
  std::string path_;
  std::ofstream file_;
  std::map<int64_t, double> losses_;  // by step
  int64_t last_validated_ = 0;
  double best_perplexity_ = std::numeric_limits<double>::infinity();
};

CheckpointOptions best_of(const TrainOptions& o, const RunIdentity& identity = {}) {
  return {.folder = std::filesystem::path(o.out) / "best", .keep = 1, .identity = identity};
}

Shipped shipped_by(const TrainOptions& o) {
  const std::filesystem::path out(o.out);
  return {.gguf = (out / "model.gguf").string(), .folder = (out / "f32").string()};
}

/// Where a run goes back to that diverged behind `steps_done` steps: not to the weights that led to it.
std::string last_good(const CheckpointOptions& checkpoints, int64_t steps_done) {
  std::vector<int64_t> steps = checkpoint_steps(checkpoints);
  const bool led_to_it = !steps.empty() && steps.back() == steps_done;
  if (led_to_it) steps.pop_back();
  return (steps.empty() ? "there is no good checkpoint"
                        : fmt::format("the last good checkpoint is of step {}", steps.back())) +
         (led_to_it ? fmt::format(", that of step {} holds the weights that led to this", steps_done) : "");
}

}  // namespace

CheckpointOptions checkpoints_of(const TrainOptions& o) {
  return {.folder = std::filesystem::path(o.out) / "checkpoints", .keep = o.keep, .identity = {}};
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
  return ours;
}

void check_resumable(const TrainOptions& o, const CheckpointOptions& checkpoints) {
  ProgressLine line("checking");
  check_checkpoint(checkpoints, line.callback());
  check_checkpoint(best_of(o, checkpoints.identity), line.callback());
}

RunResult run_training(const TrainOptions& o, const CheckpointOptions& checkpoints, Trainer& trainer,
                       const std::function<double()>& validate) {
  const CheckpointOptions best = best_of(o, checkpoints.identity);
  if (o.resume) {
    ProgressLine line("loading");
    const bool found = load_checkpoint(checkpoints, trainer, line.callback()) ||
                       load_checkpoint(best, trainer, line.callback());  // it ended before its first checkpoint
    line.finish();
    tell("{} step {}\n", found ? "resumed from the checkpoint of" : "no checkpoint to resume from: beginning at",
         trainer.steps_done() + (found ? 0 : 1));
  }
  Metrics metrics(std::filesystem::path(o.out) / "metrics.jsonl", trainer.steps_done());
  if (const std::vector<int64_t> there = checkpoint_steps(best); !there.empty() && there.back() <= trainer.steps_done())
    if (const Measurements of_best = measured_at_checkpoint(best); of_best.contains(kPerplexity))
      metrics.note_best(of_best.at(kPerplexity));
  const auto measured = [&](int64_t step) {
    std::string wrong;
    try {
      const double perplexity = validate();
      if (std::isfinite(perplexity)) return perplexity;
      wrong = fmt::format("perplexity {}, expected a finite one", perplexity);
    } catch (const FormatError& error) {  // as files of such values would be refused
      wrong = error.what();
    }
    throw DivergedError(
        fmt::format("[train] step {}: the model packed as {} cannot be measured: {}", step, o.scheme, wrong));
  };
  const auto validate_where_due = [&] {
    const int64_t step = trainer.steps_done();
    if (o.validate_every == 0 || step == 0 || (step != o.steps && step % o.validate_every != 0)) return;
    if (metrics.last_validated() == step) return;
    const double perplexity = measured(step);
    const bool is_best = perplexity < metrics.best_perplexity();
    tell("step {}: perplexity of the packed model {:.4f}{}\n", step, perplexity, is_best ? ", the best so far" : "");
    if (is_best) {
      save_checkpoint(best, trainer, {{kPerplexity, perplexity}});
      remove_oldest_checkpoints(best);
    }
    metrics.add_validation(step, perplexity);  // last: a step that has its line has its checkpoint
  };
  RunResult result;
  std::optional<ProgressLine> line(std::in_place, "training", static_cast<uint64_t>(trainer.steps_done()));
  const auto step_and_save = [&] {
    const StepReport step = trainer.step();
    remove_oldest_checkpoints(checkpoints);  // the newest has proven good
    metrics.add(step);
    result.tokens += step.tokens;
    result.seconds += step.seconds;
    result.teacher_seconds += step.teacher_seconds;
    const bool last = step.step == o.steps;
    try {
      validate_where_due();
      report(line->callback(),
             {fmt::format("loss {:.4f}, {:.0f} tok/s", step.loss, static_cast<double>(step.tokens) / step.seconds),
              static_cast<uint64_t>(step.step), static_cast<uint64_t>(o.steps)});
    } catch (const Interrupted&) {  // the step is done: it is saved below
    }
    const bool due = last || (o.checkpoint_every > 0 && step.step % o.checkpoint_every == 0);
    const bool save = due || EndOnSignal::raised();
    if (save) save_checkpoint(checkpoints, trainer);
    if (save && EndOnSignal::raised()) {  // one that comes while nothing is saved is of the next step
      line.reset();
      tell("saved the checkpoint of step {}; --resume goes on from it\n", step.step);
      EndOnSignal::check();
    }
  };
  const auto diverged = [&](const Error& error) {
    return DivergedError(fmt::format("{}; {}", error.what(), last_good(checkpoints, trainer.steps_done())));
  };
  try {
    validate_where_due();  // where the run was ended before it was done
    while (trainer.steps_done() < o.steps) step_and_save();
  } catch (const DivergedError& error) {
    throw diverged(error);
  } catch (const NotFiniteError& error) {  // found while saving
    throw diverged(error);
  }
  remove_oldest_checkpoints(checkpoints);
  result.loss = metrics.mean_loss(o.steps, std::max<int64_t>(1, o.steps / 10));
  if (o.ship == "best" && !load_checkpoint(best, trainer))
    throw IoError(fmt::format("[train] --ship best: {} holds no checkpoint", best.folder.string()), ENOENT);
  result.shipped_step = trainer.steps_done();
  return result;
}

ModelFiles values_of(const ModelFiles& files, const TrainableModel& model, const StaticInputs& inputs) {
  return files.with_values([&](const std::string& name) { return model.parameter(name).value; }, inputs);
}

void check_shippable(const TrainOptions& o, const ModelFiles& student, const Tokenizer& tokenizer) {
  const Shipped shipped = shipped_by(o);
  check_gguf_export(student, tokenizer.data(), shipped.gguf, {.plan = plan_of(o)});
  check_hf_export(student, tokenizer.data(), shipped.folder, {.weights = WeightScheme::F32});
}

Shipped ship(const TrainOptions& o, const ModelFiles& trained, const Tokenizer& tokenizer) {
  const Shipped shipped = shipped_by(o);
  ProgressLine line("writing");
  export_gguf(trained, tokenizer.data(), shipped.gguf, {.plan = plan_of(o), .progress = line.callback()});
  export_hf_folder(trained, tokenizer.data(), shipped.folder,
                   {.weights = WeightScheme::F32, .progress = line.callback()});
  return shipped;
}

uint64_t planned_disk_bytes(const TrainOptions& o, const ModelFiles& student, const MemoryPlan& plan) {
  const uint64_t shipped = planned_bytes(student, plan_of(o)) + planned_bytes(student, {.weights = WeightScheme::F32});
  const int64_t made = 1 + (o.checkpoint_every > 0 ? (o.steps - 1) / o.checkpoint_every : 0);
  const auto stay = static_cast<uint64_t>(std::min(o.keep, made) + (o.validate_every > 0 ? 1 : 0));
  return stay * plan.checkpoint() + std::max(plan.checkpoint(), shipped);
}

MemoryPlan plan_run(const TrainOptions& o, const ModelFiles& student, const TrainingText& text,
                    const TrainerOptions& training, uint64_t teacher) {
  const MemoryPlan plan = plan_memory(student, trainable_options(o), training, text.batches.longest_batch_rows(),
                                      {.teacher = teacher,
                                       .validation = planned_validation_bytes(student, plan_of(o), text.valid),
                                       .validates_on_way = o.validate_every > 0,
                                       .program = peak_rss_bytes()});
  const uint64_t disk = planned_disk_bytes(o, student, plan);
  tell(
      "planned memory: {} = weights {} + gradients {} + moments {} + activations {} + head {} + packing {} + "
      "teacher {} + validation {} + program {}; on disk {}\n",
      megabytes(plan.total()), megabytes(plan.weights), megabytes(plan.gradients), megabytes(plan.moments),
      megabytes(plan.activations), megabytes(plan.head), megabytes(plan.packing), megabytes(plan.teacher),
      megabytes(plan.validation), megabytes(plan.program), megabytes(disk));
  if (o.memory_limit_gb > 0 && static_cast<double>(plan.total()) > o.memory_limit_gb * 1e9)
    throw ArgumentError(
        fmt::format("[train] the run needs {}, --memory-limit is {:g} GB", megabytes(plan.total()), o.memory_limit_gb));
  if (const uint64_t memory = memory_bytes(); memory > 0 && plan.total() > memory)
    throw ArgumentError(fmt::format("[train] the run needs {}, this machine has {} of memory and swap",
                                    megabytes(plan.total()), megabytes(memory)));
  const size_t there = checkpoint_steps(checkpoints_of(o)).size() + checkpoint_steps(best_of(o)).size();
  check_free_space(o.out, disk - std::min(disk, there * plan.checkpoint()));
  return plan;
}

}  // namespace slm
