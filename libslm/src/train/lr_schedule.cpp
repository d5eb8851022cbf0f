// SPDX-License-Identifier: Apache-2.0
#include "slm/train/lr_schedule.h"

#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "slm/core/check.h"

namespace slm {
namespace {

constexpr std::array kDecays = {LrDecay::Constant, LrDecay::Linear, LrDecay::Cosine};

}  // namespace

std::string_view name(LrDecay decay) {
  return decay == LrDecay::Constant ? "constant" : decay == LrDecay::Linear ? "linear" : "cosine";
}

std::span<const LrDecay> lr_decays() { return kDecays; }

LrDecay parse_lr_decay(std::string_view text) {
  std::string known;
  for (const LrDecay decay : kDecays) {
    if (name(decay) == text) return decay;
    known += " " + std::string(name(decay));
  }
  throw ArgumentError(fmt::format("[schedule] \"{}\" is unknown, expected one of:{}", text, known));
}

void LrSchedule::check() const {
  SLM_CHECK(peak > 0 && std::isfinite(peak), "[schedule] learning rate {}, expected a positive number", peak);
  SLM_CHECK(steps >= 1, "[schedule] {} steps, expected at least 1", steps);
  SLM_CHECK(warmup >= 0 && warmup <= steps, "[schedule] warm-up of {} steps, expected 0 to {}", warmup, steps);
}

double LrSchedule::at(int64_t step) const {
  SLM_CHECK(step >= 1 && step <= steps, "[schedule] step {}, expected 1 to {}", step, steps);
  if (step <= warmup) return peak * static_cast<double>(step) / static_cast<double>(warmup);
  const double u = static_cast<double>(step - 1 - warmup) / static_cast<double>(steps - warmup);
  if (decay == LrDecay::Constant) return peak;
  return decay == LrDecay::Linear ? peak * (1.0 - u) : peak * 0.5 * (1.0 + std::cos(std::numbers::pi * u));
}

}  // namespace slm
