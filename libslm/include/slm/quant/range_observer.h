// SPDX-License-Identifier: Apache-2.0
// RangeObserver: the range of a static grid (a8s), learned while a network runs: moving averages of the least and
// largest value of each batch (Jacob et al. 2017, arXiv:1712.05877, §3.1), corrected for their start as Adam's are:
//   m ← γ·m + (1 − γ)·value     w ← γ·w + (1 − γ)     average = m / w
// In: batches of values.  Out: parameters of kGridA8S.  Next: model/tape_executor.h.
#pragma once

#include <span>

#include "slm/quant/grid.h"

namespace slm {

class RangeObserver {
 public:
  /// All that a checkpoint needs.
  struct State {
    double least = 0.0, largest = 0.0, weight = 0.0;
  };

  explicit RangeObserver(double decay = 0.999) : decay_(decay) {}
  RangeObserver(double decay, const State& state) : decay_(decay), state_(state) {}

  /// One batch. Throws ArgumentError where it is empty or a value is not finite. Threaded; the same for any threads.
  void see(std::span<const float> values);
  bool has_seen() const { return state_.weight > 0; }
  /// Of the averages. Throws ArgumentError where nothing was seen.
  GridParams params() const;
  const State& state() const { return state_; }

 private:
  double decay_;
  State state_;
};

}  // namespace slm
