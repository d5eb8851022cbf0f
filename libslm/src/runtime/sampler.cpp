// SPDX-License-Identifier: Apache-2.0
#include "slm/runtime/sampler.h"

#include <algorithm>
#include <cmath>

#include "slm/core/check.h"

namespace slm {

namespace {

constexpr auto kLikelier = [](const auto& a, const auto& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
};

}  // namespace

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

Sampler::Sampler(const SamplerOptions& o, int64_t vocab)
    : options_(o), rng_(o.seed), vocab_(static_cast<size_t>(vocab)) {
  SLM_CHECK(vocab > 0, "[sampler] a vocabulary of {}, expected at least one id", vocab);
  SLM_CHECK(o.temperature >= 0 && std::isfinite(o.temperature), "[sampler] temperature is {}, expected a number ≥ 0",
            o.temperature);
  SLM_CHECK(o.top_k >= 0, "[sampler] top-k is {}, expected ≥ 0 (0: all)", o.top_k);
  SLM_CHECK(o.top_p > 0 && o.top_p <= 1, "[sampler] top-p is {}, expected above 0 and at most 1", o.top_p);
  SLM_CHECK(o.min_p >= 0 && o.min_p <= 1, "[sampler] min-p is {}, expected 0 to 1", o.min_p);
  SLM_CHECK(o.repeat_penalty > 0 && std::isfinite(o.repeat_penalty),
            "[sampler] repeat penalty is {}, expected a number above 0", o.repeat_penalty);
  SLM_CHECK(o.repeat_last >= -1, "[sampler] repeat-last is {}, expected ≥ -1", o.repeat_last);
  if (o.repeat_penalty != 1) penalised_.resize(vocab_);
  if (o.temperature > 0) candidates_.reserve(vocab_);
}

std::span<const float> Sampler::penalise(std::span<const float> logits, std::span<const int32_t> seen) {
  std::copy(logits.begin(), logits.end(), penalised_.begin());
  const size_t last =
      options_.repeat_last < 0 ? seen.size() : std::min(seen.size(), static_cast<size_t>(options_.repeat_last));
  for (const int32_t id : seen.last(last)) {  // from the given logits: an id seen twice is penalised once
    SLM_CHECK(id >= 0 && static_cast<size_t>(id) < logits.size(), "[sampler] seen id {}, there are {} logits", id,
              logits.size());
    const float logit = logits[static_cast<size_t>(id)];
    penalised_[static_cast<size_t>(id)] = logit > 0 ? logit / options_.repeat_penalty : logit * options_.repeat_penalty;
  }
  return std::span<const float>(penalised_).first(logits.size());
}

/// Keeps the likeliest whose weights reach top_p of all. They come to the front in ever larger stretches, so that a
/// vocabulary of which a few are kept is not sorted.
void Sampler::keep_top_p() {
  double total = 0, kept = 0;
  for (const Candidate& c : candidates_) total += static_cast<double>(c.weight);
  const double wanted = static_cast<double>(options_.top_p) * total;
  const auto end = candidates_.end();
  ptrdiff_t stretch = 128;
  for (auto begin = candidates_.begin(); begin != end; stretch *= 8) {
    const auto middle = begin + std::min(stretch, end - begin);
    if (middle != end) std::nth_element(begin, middle, end, kLikelier);
    std::sort(begin, middle, kLikelier);
    for (; begin != middle; ++begin) {
      kept += static_cast<double>(begin->weight);
      if (kept < wanted) continue;
      candidates_.erase(begin + 1, end);
      return;
    }
  }
}

int32_t Sampler::sample(std::span<const float> logits, std::span<const int32_t> seen) {
  SLM_CHECK(logits.size() <= vocab_, "[sampler] {} logits, room was made for {}", logits.size(), vocab_);
  if (options_.repeat_penalty != 1) logits = penalise(logits, seen);
  const int32_t likeliest = argmax(logits);
  const float largest = logits[static_cast<size_t>(likeliest)];
  if (options_.temperature == 0 || std::isinf(largest)) return likeliest;

  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i)
    if (logits[i] > -INFINITY) candidates_.push_back({logits[i], 0, static_cast<int32_t>(i)});
  if (options_.top_k > 0 && static_cast<size_t>(options_.top_k) < candidates_.size()) {
    std::nth_element(candidates_.begin(), candidates_.begin() + options_.top_k, candidates_.end(), kLikelier);
    candidates_.resize(static_cast<size_t>(options_.top_k));
  }
  for (Candidate& c : candidates_) c.weight = std::exp((c.logit - largest) / options_.temperature);
  if (options_.top_p < 1) keep_top_p();
  if (options_.min_p > 0)  // the likeliest has weight 1
    std::erase_if(candidates_, [&](const Candidate& c) { return c.weight < options_.min_p; });

  double total = 0;
  for (const Candidate& c : candidates_) total += static_cast<double>(c.weight);
  double left = rng_.uniform_double() * total;
  int32_t id = likeliest;  // stays where rounding leaves a rest
  for (const Candidate& c : candidates_) {
    if (c.weight > 0) id = c.id;
    if ((left -= static_cast<double>(c.weight)) < 0) break;
  }
  return id;
}

}  // namespace slm
