// SPDX-License-Identifier: Apache-2.0
#include "slm/eval/perplexity.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "slm/core/check.h"
#include "slm/core/parallel.h"
#include "slm/core/stopwatch.h"
#include "slm/kernels/vec/variants.h"
#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"

namespace slm {
namespace {

struct LogSumExp {
  float max = 0;
  double sum = 0;  ///< Σ exp(x − max)
  double value() const { return static_cast<double>(max) + std::log(sum); }
};

LogSumExp log_sum_exp(const kernels::VecVariant& vec, std::span<const float> logits) {
  LogSumExp result;
  vec.max_sum_exp(logits.data(), std::ssize(logits), &result.max, &result.sum);
  return result;
}

/// Walks the windows of a text with one model, or two in lockstep.
class Walker {
 public:
  Walker(const std::shared_ptr<const Model>& model, const EvalText& text, const ScoreOptions& options)
      : text_(text),
        options_(options),
        is_reference_(options.reference == model),
        vec_(kernels::select(kernels::vec_variants())) {
    int64_t longest = 1;
    for (const EvalWindow& window : text.windows) {
      SLM_CHECK(0 <= window.begin && window.begin < window.first_counted && window.first_counted < window.end &&
                    window.end <= std::ssize(text.ids),
                "[perplexity] window of ids {} to {}, counted from {}, the text has {}", window.begin, window.end,
                window.first_counted, text.ids.size());
      longest = std::max(longest, window.end - 1 - window.begin);
      total_ += window.end - 1 - window.begin;
    }
    const SessionOptions session = {
        .context = longest, .kv = options.kv, .max_rows = options.max_rows, .max_logit_rows = options.max_logit_rows};
    model_.emplace(model, session);
    if (options.reference == nullptr || is_reference_) return;
    SLM_CHECK(options.reference->config.vocab == model->config.vocab,
              "[perplexity] the model's vocabulary has {} ids, the reference's {}", model->config.vocab,
              options.reference->config.vocab);
    reference_.emplace(options.reference, session);
  }

  Score walk() {
    const Stopwatch watch;
    for (const EvalWindow& window : text_.windows) {
      walk_window(window);
      ++score_.windows;
    }
    score_.seconds = watch.seconds();
    return score_;
  }

 private:
  bool comparing() const {
    return options_.reference != nullptr && (options_.kl_tokens <= 0 || score_.kl.count() < options_.kl_tokens);
  }

  void walk_window(const EvalWindow& window) {
    window_ids_.assign(text_.ids.begin() + window.begin, text_.ids.begin() + window.end - 1);
    if (text_.bos) window_ids_[0] = *text_.bos;
    model_->truncate(0);
    if (reference_) reference_->truncate(0);
    const int64_t inputs = std::ssize(window_ids_);
    for (int64_t begin = 0; begin < inputs; begin += model_->max_rows()) {
      const int64_t end = std::min(begin + model_->max_rows(), inputs);
      const auto ids = std::span(window_ids_).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
      model_->forward(ids);
      const bool compare = comparing();
      if (compare && reference_) reference_->forward(ids);
      // The logits at input i predict the token at i + 1.
      for (int64_t i = std::max(begin, window.first_counted - 1 - window.begin); i < end;) {
        const int64_t rows = std::min(model_->max_logit_rows(), end - i);
        count_rows(model_->logits(i - begin, i - begin + rows),
                   compare && reference_ ? reference_->logits(i - begin, i - begin + rows) : ConstMatrixView{},
                   window.begin + i + 1);
        i += rows;
      }
      done_ += end - begin;
      report(options_.progress, {text_.protocol, static_cast<uint64_t>(done_), static_cast<uint64_t>(total_)});
    }
  }

  /// Row r predicts the id at first_target + r.
  void count_rows(ConstMatrixView logits, ConstMatrixView reference, int64_t first_target) {
    positions_.resize(static_cast<size_t>(logits.rows));
    const auto vocab = static_cast<size_t>(logits.columns);
    parallel_for(logits.rows, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        std::span<const float> of_reference;
        if (reference.rows > 0) of_reference = {reference.row(r), vocab};
        positions_[static_cast<size_t>(r)] = score_position(
            vec_, {logits.row(r), vocab}, text_.ids[static_cast<size_t>(first_target + r)], of_reference);
      }
    });
    for (const PositionScore& position : positions_) {  // in order: the same sums for any number of threads
      score_.nll.add(position.nll);
      if (!comparing()) continue;
      score_.kl.add(position.kl);
      score_.agreed += position.agrees || is_reference_ ? 1 : 0;
    }
  }

  const EvalText& text_;
  const ScoreOptions& options_;
  const bool is_reference_;  // compared with itself: 0 and all alike, without a second pass
  const kernels::VecVariant& vec_;
  std::optional<Session> model_, reference_;
  std::vector<int32_t> window_ids_;
  std::vector<PositionScore> positions_;
  int64_t done_ = 0, total_ = 0;
  Score score_;
};

}  // namespace

double Score::perplexity() const { return std::exp(nll.mean()); }
std::optional<double> Score::perplexity_error() const {
  const std::optional<double> error = nll.standard_error();
  return error ? std::optional(perplexity() * *error) : std::nullopt;
}
double Score::agreement() const {
  return kl.count() == 0 ? 0 : static_cast<double>(agreed) / static_cast<double>(kl.count());
}

PositionScore score_position(const kernels::VecVariant& vec, std::span<const float> logits, int32_t target,
                             std::span<const float> reference) {
  SLM_CHECK(target >= 0 && target < std::ssize(logits), "[perplexity] token {}, the vocabulary has {}", target,
            logits.size());
  SLM_CHECK(reference.empty() || reference.size() == logits.size(), "[perplexity] {} logits, the reference has {}",
            logits.size(), reference.size());
  const double normalizer = log_sum_exp(vec, logits).value();
  PositionScore score{.nll = normalizer - static_cast<double>(logits[static_cast<size_t>(target)])};
  if (reference.empty()) return score;

  const LogSumExp other = log_sum_exp(vec, reference);
  const double shift = normalizer - other.value();
  double sum = 0;  // Σ exp(z_ref − max) · (log p_ref − log p); the one float exp per entry is the cost of this
  for (size_t v = 0; v < logits.size(); ++v)
    sum += static_cast<double>(std::exp(reference[v] - other.max)) *
           (static_cast<double>(reference[v]) - static_cast<double>(logits[v]) + shift);
  score.kl = sum / other.sum;
  score.agrees = argmax(logits) == argmax(reference);
  return score;
}

Score score_text(const std::shared_ptr<const Model>& model, const EvalText& text, const ScoreOptions& options) {
  return Walker(model, text, options).walk();
}

}  // namespace slm
