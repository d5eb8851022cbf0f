// SPDX-License-Identifier: Apache-2.0
// MetricsLog: metrics.jsonl, a line for each step and each validation.
// In: reports of steps, perplexities.  Out: the file; the best perplexity and mean losses of all its lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "slm/train/trainer.h"

namespace slm {

/// What the packed model's perplexity is called, in a line and in a checkpoint.
inline constexpr const char* kPerplexity = "perplexity";

class MetricsLog {
 public:
  /// Goes on behind the lines of the first `steps_done` steps, after a resume those up to the step that was resumed
  /// from; what stands behind them goes. Throws IoError.
  MetricsLog(const std::filesystem::path& path, int64_t steps_done);

  /// Adds a line, written at once. Throws IoError.
  void add(const StepReport& step);
  void add_validation(int64_t step, double perplexity);
  /// Of a validation whose line may have been lost.
  void note_best(double perplexity);

  int64_t last_validated() const { return last_validated_; }   ///< 0: no step was
  double best_perplexity() const { return best_perplexity_; }  ///< infinity: none was measured
  /// Mean loss of the `count` steps up to `last`; nothing where a line of them is missing.
  std::optional<double> mean_loss(int64_t last, int64_t count) const;

 private:
  /// Whether the line is of a step that was done. Throws FormatError.
  bool keep(const std::string& line, int64_t steps_done);
  void note_validation(int64_t step, double perplexity);
  void write(const std::string& line);

  std::string path_;
  std::ofstream file_;
  std::map<int64_t, double> losses_;  // by step
  int64_t last_validated_ = 0;
  double best_perplexity_ = std::numeric_limits<double>::infinity();
};

}  // namespace slm
