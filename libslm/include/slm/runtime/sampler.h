// SPDX-License-Identifier: Apache-2.0
// Sampler: logits → the next id. Repeat penalty, temperature, top-k, min-p, top-p, in this order (as in llama.cpp and
// transformers). In: logits (V).  Out: an id.  Next: generate.h.
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
  float min_p = 0;  ///< keep those with at least p times the probability of the likeliest (Nguyen et al. 2024); 0: all
  float repeat_penalty =
      1;  ///< logits of ids seen: positive ones divided by it, negative ones multiplied (Keskar et al. 2019); 1: off
  int32_t repeat_last = 64;  ///< ids looked back at by the penalty; −1: all
  uint64_t seed = 0;
};

class Sampler {
 public:
  /// Throws ArgumentError naming the option and its range. `vocab` sizes the buffers: sample() does not allocate.
  Sampler(const SamplerOptions& options, int64_t vocab);
  /// `seen`: prompt and answer so far, for the repeat penalty. Throws ArgumentError where no logit is a number.
  int32_t sample(std::span<const float> logits, std::span<const int32_t> seen);

 private:
  struct Candidate {
    float logit;
    int32_t id;
  };
  SamplerOptions options_;
  Rng rng_;
  std::vector<float> penalised_;
  std::vector<Candidate> candidates_;
};

/// Index of the largest value, the first of equals; NaN is never chosen. Throws ArgumentError where there is none.
int32_t argmax(std::span<const float> values);

}  // namespace slm
