// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/run.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <deque>
#include <fstream>
#include <optional>

#include "cli/program.h"
#include "cli/terminal.h"
#include "slm/io/atomic_file.h"

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
      step = json_value<int64_t>(parse_json(line, path_), "step", 0, path_);
      if (step <= steps_done) kept += line + "\n";
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
  }

 private:
  std::string path_;
  std::ofstream file_;
};

}  // namespace

void make_out_folder(const std::string& out) {
  std::error_code error;
  std::filesystem::create_directories(out, error);
  if (error) throw IoError(fmt::format("[train] --out {} cannot be made a folder", out), error.value());
  const std::filesystem::path probe = std::filesystem::path(out) / ".writable";
  write_file(probe, "");
  std::filesystem::remove(probe, error);
}

RunResult run_training(const TrainOptions& o, const CheckpointOptions& checkpoints, Trainer& trainer) {
  std::string last_checkpoint = "none";
  if (o.resume && load_checkpoint(checkpoints, trainer)) {
    last_checkpoint = fmt::format("of step {}", trainer.steps_done());
    tell("resumed from the checkpoint {}\n", last_checkpoint);
  }
  Metrics metrics(std::filesystem::path(o.out) / "metrics.jsonl", trainer.steps_done());
  const auto save = [&] {
    save_checkpoint(checkpoints, trainer, Json::object());
    last_checkpoint = fmt::format("of step {}", trainer.steps_done());
  };
  RunResult result;
  std::deque<double> recent;
  std::optional<ProgressLine> line(std::in_place, "training");
  const InterruptFlag interrupt;
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
    recent.push_back(step.loss);
    if (std::ssize(recent) > std::max<int64_t>(1, o.steps / 10)) recent.pop_front();
    const bool last = step.step == o.steps;
    report(line->callback(),
           {fmt::format("loss {:.4f}, {:.0f} tok/s", step.loss, static_cast<double>(step.tokens) / step.seconds),
            static_cast<uint64_t>(step.step), static_cast<uint64_t>(o.steps)});
    if (interrupt.raised()) {
      line.reset();
      save();
      tell("saved the checkpoint {}; --resume goes on from it\n", last_checkpoint);
      throw Interrupted(SIGINT);
    }
    if (o.checkpoint_every > 0 && (last || step.step % o.checkpoint_every == 0)) save();
  }
  for (const double loss : recent) result.loss += loss / static_cast<double>(recent.size());
  return result;
}

std::string describe(const MemoryPlan& plan) {
  return fmt::format(
      "planned memory: {} = weights {} + gradients {} + moments {} + activations {} + head {} + packing {} + "
      "teacher {} + program {}\n",
      megabytes(plan.total()), megabytes(plan.weights), megabytes(plan.gradients), megabytes(plan.moments),
      megabytes(plan.activations), megabytes(plan.head), megabytes(plan.packing), megabytes(plan.teacher),
      megabytes(plan.program));
}

}  // namespace slm
