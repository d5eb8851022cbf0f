// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "qat_kd_train/metrics_log.h"
#include "qat_kd_train/out_folder.h"
#include "slm/core/finite.h"

namespace slm {
namespace {

void resume(const CheckpointOptions& checkpoints, const CheckpointOptions& best, Trainer& trainer) {
  ProgressLine line("loading");
  const bool found = load_checkpoint(checkpoints, trainer, line.callback()) ||
                     load_checkpoint(best, trainer, line.callback());  // it ended before its first checkpoint
  line.finish();
  tell("{} step {}\n", found ? "resumed from the checkpoint of" : "no checkpoint to resume from: beginning at",
       trainer.steps_done() + (found ? 0 : 1));
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

/// A run on its way: the steps of a trainer, and what comes after each.
class TrainingRun {
 public:
  TrainingRun(const TrainOptions& options, const CheckpointOptions& checkpoints, const CheckpointOptions& best,
              Trainer& trainer, const std::function<double()>& validate)
      : options_(options),
        checkpoints_(checkpoints),
        best_(best),
        trainer_(trainer),
        validate_(validate),
        metrics_(std::filesystem::path(options.out) / "metrics.jsonl", trainer.steps_done()) {
    const std::vector<int64_t> there = checkpoint_steps(best);
    if (!there.empty() && there.back() <= trainer.steps_done())
      if (const Measurements of_best = measured_at_checkpoint(best); of_best.contains(kPerplexity))
        metrics_.note_best(of_best.at(kPerplexity));
    line_.emplace("training", static_cast<uint64_t>(trainer.steps_done()));
  }

  void validate_where_due() {
    const int64_t step = trainer_.steps_done(), every = options_.validate_every;
    if (every == 0 || step == 0 || (step != options_.steps && step % every != 0)) return;
    if (metrics_.last_validated() == step) return;
    const double perplexity = measured(step);
    const bool is_best = perplexity < metrics_.best_perplexity();
    tell("step {}: perplexity of the packed model {:.4f}{}\n", step, perplexity, is_best ? ", the best so far" : "");
    if (is_best) {
      save_checkpoint(best_, trainer_, {{kPerplexity, perplexity}});
      remove_oldest_checkpoints(best_);
    }
    metrics_.add_validation(step, perplexity);  // last: a step that has its line has its checkpoint
  }

  void step_and_save() {
    const StepReport step = trainer_.step();
    remove_oldest_checkpoints(checkpoints_);  // the newest has proven good
    metrics_.add(step);
    result_.tokens += step.tokens;
    result_.seconds += step.seconds;
    result_.teacher_seconds += step.teacher_seconds;
    try {
      validate_where_due();
      report(line_->callback(),
             {fmt::format("loss {:.4f}, {:.0f} tok/s", step.loss, static_cast<double>(step.tokens) / step.seconds),
              static_cast<uint64_t>(step.step), static_cast<uint64_t>(options_.steps)});
    } catch (const Interrupted&) {  // the step is done: it is saved below
    }
    save_where_due(step.step);
  }

  /// Once all steps are done.
  RunResult result() const {
    RunResult all = result_;
    all.loss = metrics_.mean_loss(options_.steps, std::max<int64_t>(1, options_.steps / 10));
    return all;
  }

 private:
  /// The packed model's perplexity. Throws DivergedError where it has none.
  double measured(int64_t step) const {
    std::string wrong;
    try {
      const double perplexity = validate_();
      if (std::isfinite(perplexity)) return perplexity;
      wrong = fmt::format("perplexity {}, expected a finite one", perplexity);
    } catch (const FormatError& error) {  // as files of such values would be refused
      wrong = error.what();
    }
    throw DivergedError(
        fmt::format("[train] step {}: the model packed as {} cannot be measured: {}", step, options_.scheme, wrong));
  }

  void save_where_due(int64_t step) {
    const int64_t every = options_.checkpoint_every;
    const bool due = step == options_.steps || (every > 0 && step % every == 0);
    if (!due && !EndOnSignal::raised()) return;
    save_checkpoint(checkpoints_, trainer_);
    if (!EndOnSignal::raised()) return;  // one that comes while nothing is saved is of the next step
    line_.reset();
    tell("saved the checkpoint of step {}; --resume goes on from it\n", step);
    EndOnSignal::check();
  }

  const TrainOptions& options_;
  const CheckpointOptions &checkpoints_, &best_;
  Trainer& trainer_;
  const std::function<double()>& validate_;
  MetricsLog metrics_;
  std::optional<ProgressLine> line_;
  RunResult result_;
};

}  // namespace

RunResult run_training(const TrainOptions& o, const CheckpointOptions& checkpoints, Trainer& trainer,
                       const std::function<double()>& validate) {
  const CheckpointOptions best = best_of(o, checkpoints.identity);
  if (o.resume) resume(checkpoints, best, trainer);
  TrainingRun run(o, checkpoints, best, trainer, validate);
  const auto diverged = [&](const Error& error) {
    return DivergedError(fmt::format("{}; {}", error.what(), last_good(checkpoints, trainer.steps_done())));
  };
  try {
    run.validate_where_due();  // where the run was ended before it was done
    while (trainer.steps_done() < o.steps) run.step_and_save();
  } catch (const DivergedError& error) {
    throw diverged(error);
  } catch (const NotFiniteError& error) {  // found while saving
    throw diverged(error);
  }
  remove_oldest_checkpoints(checkpoints);
  RunResult result = run.result();
  if (o.ship == "best" && !load_checkpoint(best, trainer))
    throw IoError(fmt::format("[train] --ship best: {} holds no checkpoint", best.folder.string()), ENOENT);
  result.shipped_step = trainer.steps_done();
  return result;
}

}  // namespace slm
