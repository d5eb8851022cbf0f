// SPDX-License-Identifier: Apache-2.0
#include "slm/runtime/sampler.h"

#include <algorithm>
#include <cmath>

#include "slm/core/check.h"

namespace slm {

int32_t argmax(std::span<const float> values) {
  int32_t best = -1;
  float largest = 0;
  for (size_t i = 0; i < values.size(); ++i)
    if (best < 0 ? !std::isnan(values[i]) : values[i] > largest) {
      best = static_cast<int32_t>(i);
      largest = values[i];
    }
  SLM_CHECK(best >= 0, "[sampler] none of {} logits is a number", values.size());
  return best;
}

Sampler::Sampler(const SamplerOptions& o, int64_t vocab) : options_(o), rng_(o.seed) {
  SLM_CHECK(o.temperature >= 0 && std::isfinite(o.temperature), "[sampler] temperature is {}, expected a number ≥ 0",
            o.temperature);
  SLM_CHECK(o.top_k >= 0, "[sampler] top-k is {}, expected ≥ 0 (0: all)", o.top_k);
  SLM_CHECK(o.top_p > 0 && o.top_p <= 1, "[sampler] top-p is {}, expected above 0 and at most 1", o.top_p);
  SLM_CHECK(o.min_p >= 0 && o.min_p <= 1, "[sampler] min-p is {}, expected 0 to 1", o.min_p);
  SLM_CHECK(o.repeat_penalty > 0 && std::isfinite(o.repeat_penalty),
            "[sampler] repeat penalty is {}, expected a number above 0", o.repeat_penalty);
  SLM_CHECK(o.repeat_last >= -1, "[sampler] repeat-last is {}, expected ≥ -1", o.repeat_last);
  if (o.repeat_penalty != 1) penalised_.resize(static_cast<size_t>(vocab));
  if (o.temperature > 0) candidates_.reserve(static_cast<size_t>(vocab));
}

int32_t Sampler::sample(std::span<const float> logits, std::span<const int32_t> seen) {
  if (options_.repeat_penalty != 1) {
    SLM_CHECK(logits.size() <= penalised_.size(), "[sampler] {} logits, room was made for {}", logits.size(),
              penalised_.size());
    std::copy(logits.begin(), logits.end(), penalised_.begin());
    const size_t last =
        options_.repeat_last < 0 ? seen.size() : std::min(seen.size(), static_cast<size_t>(options_.repeat_last));
    for (const int32_t id : seen.last(last)) {  // from the given logits: an id seen twice is penalised once
      const float logit = logits[static_cast<size_t>(id)];
      penalised_[static_cast<size_t>(id)] =
          logit > 0 ? logit / options_.repeat_penalty : logit * options_.repeat_penalty;
    }
    logits = std::span<const float>(penalised_).first(logits.size());
  }
  if (options_.temperature == 0) return argmax(logits);

  const float largest = logits[static_cast<size_t>(argmax(logits))];
  // min-p is a threshold on logit differences: p_i ≥ min_p · p_max ⇔ (z_i − z_max)/T ≥ log(min_p)
  const float lowest = options_.min_p > 0 ? largest + options_.temperature * std::log(options_.min_p) : -INFINITY;
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i)
    if (logits[i] >= lowest) candidates_.push_back({logits[i], static_cast<int32_t>(i)});
  const auto likelier = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  };
  if (options_.top_k > 0 && static_cast<size_t>(options_.top_k) < candidates_.size()) {
    std::nth_element(candidates_.begin(), candidates_.begin() + options_.top_k, candidates_.end(), likelier);
    candidates_.resize(static_cast<size_t>(options_.top_k));
  }
  if (options_.top_p < 1) std::sort(candidates_.begin(), candidates_.end(), likelier);

  const auto weight = [&](const Candidate& c) {
    return std::exp((static_cast<double>(c.logit) - static_cast<double>(largest)) /
                    static_cast<double>(options_.temperature));
  };
  double total = 0;
  for (const Candidate& c : candidates_) total += weight(c);
  if (options_.top_p < 1) {
    double kept = 0;
    size_t count = 0;
    while (count < candidates_.size() && kept < static_cast<double>(options_.top_p) * total)
      kept += weight(candidates_[count++]);
    candidates_.resize(std::max<size_t>(count, 1));
    total = kept;
  }
  double left = rng_.uniform_double() * total;
  for (const Candidate& c : candidates_)
    if ((left -= weight(c)) < 0) return c.id;
  return candidates_.back().id;
}

}  // namespace slm
