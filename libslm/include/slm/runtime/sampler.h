// SPDX-License-Identifier: Apache-2.0
// Sampler: logits → the next id. Repeat penalty, temperature, top-k, top-p, min-p, in this order (as in transformers).
// In: logits (V).  Out: an id.  Next: generate.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "slm/core/rng.h"

namespace slm {

struct SamplerOptions {
  float temperature = 0;  ///< 0: greedy, the largest logit, the first of equals
  int32_t top_k = 0;      ///< keep the k likeliest; 0: all
  float top_p = 1;        ///< keep the likeliest whose probabilities reach p (Holtzman et al. 2020); 1: all
  float min_p = 0;        ///< keep those at least p times as likely as the likeliest (Nguyen et al. 2024); 0: all
  /// Logits of ids seen: positive ones are divided by it, negative ones multiplied (Keskar et al. 2019); 1: off.
  float repeat_penalty = 1;
  int32_t repeat_last = 64;  ///< ids looked back at by the penalty; −1: all
  uint64_t seed = 0;
};

class Sampler {
 public:
  /// Throws ArgumentError naming the option and its range. `vocab` sizes the buffers: sample() does not allocate.
  Sampler(const SamplerOptions& options, int64_t vocab);
  /// `seen`: prompt and answer so far, for the repeat penalty. An infinite logit is chosen as by greedy. Throws
  /// ArgumentError: no logit is a number, more than `vocab`, a seen id without a logit. Cost: one pass over the logits,
  /// an exponential for each that is kept; top-p orders only as many as it keeps.
  int32_t sample(std::span<const float> logits, std::span<const int32_t> seen);

 private:
  struct Candidate {
    float logit, weight;  // weight: the probability but for a factor
    int32_t id;
  };
  std::span<const float> penalise(std::span<const float> logits, std::span<const int32_t> seen);
  void keep_top_p();

  SamplerOptions options_;
  Rng rng_;
  size_t vocab_;
  std::vector<float> penalised_;
  std::vector<Candidate> candidates_;
};

/// Index of the largest value, the first of equals; NaN is never chosen. Throws ArgumentError where there is none.
int32_t argmax(std::span<const float> values);

}  // namespace slm
