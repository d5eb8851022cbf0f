// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/metrics_log.h"

#include <algorithm>
#include <cerrno>

#include "cli/program.h"
#include "cli/terminal.h"
#include "slm/io/atomic_file.h"
#include "slm/io/json.h"

namespace slm {

MetricsLog::MetricsLog(const std::filesystem::path& path, int64_t steps_done) : path_(path.string()) {
  std::string kept;
  std::ifstream before(path);
  for (std::string line; steps_done > 0 && std::getline(before, line) && !before.eof();) {  // half a line is none
    try {
      if (!keep(line, steps_done)) break;
    } catch (const FormatError& error) {  // a power failure may leave anything here; the checkpoint is whole
      tell("warning: {}: kept up to there\n", error.what());
      break;
    }
    kept += line + "\n";
  }
  write_file(path, kept);
  file_.open(path, std::ios::app);
}

void MetricsLog::add(const StepReport& r) {
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
  write(line.dump());
  losses_[r.step] = r.loss;
}

void MetricsLog::add_validation(int64_t step, double perplexity) {
  const JsonDocument line = {{"step", step}, {kPerplexity, perplexity}};
  write(line.dump());
  note_validation(step, perplexity);
}

void MetricsLog::note_best(double perplexity) { best_perplexity_ = std::min(best_perplexity_, perplexity); }

std::optional<double> MetricsLog::mean_loss(int64_t last, int64_t count) const {
  double sum = 0;
  for (int64_t step = last - count + 1; step <= last; ++step) {
    const auto it = losses_.find(step);
    if (it == losses_.end()) return std::nullopt;
    sum += it->second;
  }
  return sum / static_cast<double>(count);
}

bool MetricsLog::keep(const std::string& line, int64_t steps_done) {
  const Json json = parse_json(line, path_);
  const auto step = json_value<int64_t>(json, "step", 0, path_);
  if (step > steps_done) return false;
  if (json.contains("loss")) losses_[step] = json_value<double>(json, "loss", 0.0, path_);
  if (json.contains(kPerplexity)) note_validation(step, json_value<double>(json, kPerplexity, 0.0, path_));
  return true;
}

void MetricsLog::note_validation(int64_t step, double perplexity) {
  last_validated_ = step;
  note_best(perplexity);
}

void MetricsLog::write(const std::string& line) {
  file_ << line << '\n' << std::flush;
  if (!file_) throw IoError("[train] cannot write " + path_, errno);
}

}  // namespace slm
