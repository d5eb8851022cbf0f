// SPDX-License-Identifier: Apache-2.0
// Perplexity of a model on a text, and how far its predictions are from another model's, in one pass:
//   perplexity = exp(mean of −log p(token | tokens before it))
//   KL(reference ‖ model) = mean over positions of Σ_v p_ref(v) · (log p_ref(v) − log p(v))
// Both models walk the text in lockstep, so that logits never pile up. In: models, EvalText.  Out: Score.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "slm/core/progress.h"
#include "slm/eval/protocol.h"
#include "slm/eval/running_mean.h"
#include "slm/kernels/vec/vec.h"
#include "slm/model/kv_cache.h"
#include "slm/model/load.h"

namespace slm {

struct Score {
  RunningMean nll;     ///< −log p of each counted token, in nats
  RunningMean kl;      ///< of each position compared, in nats; no numbers where there was no reference
  int64_t agreed = 0;  ///< positions compared where both models' likeliest token is the same
  int64_t windows = 0;
  double seconds = 0;
  double perplexity() const;
  /// One standard error: perplexity · that of the mean nll (delta method). Empty as that is.
  std::optional<double> perplexity_error() const;
  double agreement() const;  ///< agreed / positions compared; 0 of none
};

struct ScoreOptions {
  std::shared_ptr<const Model> reference;  ///< compared with, where it is not empty
  int64_t kl_tokens = 0;                   ///< positions compared, the first counted ones; ≤ 0: all
  kernels::KvStorage kv = kernels::KvStorage::F32;
  int64_t max_rows = 512;       ///< tokens of one step
  int64_t max_logit_rows = 32;  ///< rows of logits at once: V floats each, for both models
  Progress progress;            ///< in tokens read
};

/// Throws ArgumentError: a window beyond the model's context, models of different vocabularies, ids out of range.
/// Cost: one forward pass of every window (two where compared); the head runs for counted positions only.
Score score_text(const std::shared_ptr<const Model>& model, const EvalText& text, const ScoreOptions& options = {});

/// What one position tells. logits and reference (V each): −log softmax(logits)[target]; KL and whether the argmax is
/// the same where a reference is given. Sums in double.
struct PositionScore {
  double nll = 0, kl = 0;
  bool agrees = false;
};
PositionScore score_position(const kernels::VecVariant& vec, std::span<const float> logits, int32_t target,
                             std::span<const float> reference = {});

}  // namespace slm
