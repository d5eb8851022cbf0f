// SPDX-License-Identifier: Apache-2.0
// Learning rate over a run: a linear warm-up, then constant, linear or cosine (Loshchilov & Hutter 2017,
// arXiv:1608.03983, eq. 5 without restarts) decay towards 0.
//   step t = 1 … N, warm-up of w steps:  t ≤ w: η·t/w      then with u = (t − 1 − w)/(N − w) in [0, 1):
//   constant η      linear η·(1 − u)      cosine η·(1 + cos(π·u))/2
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace slm {

enum class LrDecay { Constant, Linear, Cosine };
std::span<const LrDecay> lr_decays();
/// Throws ArgumentError that lists the names.
LrDecay parse_lr_decay(std::string_view name);
std::string_view name(LrDecay decay);

struct LrSchedule {
  double peak = 0.0;
  LrDecay decay = LrDecay::Cosine;
  int64_t warmup = 0;
  int64_t steps = 1;

  /// Throws ArgumentError: a peak that is not positive and finite, no steps, a warm-up outside [0, steps].
  void check() const;
  /// Throws ArgumentError where the step is not 1 … steps.
  double at(int64_t step) const;
};

}  // namespace slm
