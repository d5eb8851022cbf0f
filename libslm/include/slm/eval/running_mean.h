// SPDX-License-Identifier: Apache-2.0
// RunningMean: mean and standard error of numbers that come one by one (Welford 1962): no sum of squares that cancels.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

namespace slm {

class RunningMean {
 public:
  void add(double value) {
    const double from_old = value - mean_;
    mean_ += from_old / static_cast<double>(++count_);
    squares_ += from_old * (value - mean_);
  }
  int64_t count() const { return count_; }
  double mean() const { return mean_; }  ///< 0 of no numbers
  /// Of a sample: sqrt(Σ(x − mean)² / (n − 1)). 0 below two numbers.
  double standard_deviation() const { return count_ < 2 ? 0 : std::sqrt(squares_ / static_cast<double>(count_ - 1)); }
  /// Of the mean: standard deviation / √n. Empty below two numbers, which tell nothing of it.
  std::optional<double> standard_error() const {
    if (count_ < 2) return {};
    return standard_deviation() / std::sqrt(static_cast<double>(count_));
  }

 private:
  int64_t count_ = 0;
  double mean_ = 0, squares_ = 0;
};

}  // namespace slm
