// SPDX-License-Identifier: Apache-2.0
// Perplexity and KL against transformers in float64 on the tiny models (golden/make_expectations.py), against the
// definition in float64 on logits made by hand, and on real models where they are at hand.
#include "slm/eval/perplexity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "slm/core/rng.h"
#include "slm/io/json.h"
#include "slm/kernels/vec/variants.h"
#include "slm/runtime/session.h"
#include "tests/support/bounds.h"
#include "tests/support/model_paths.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

const Json& golden() {
  static const Json json = parse_json_file(test::source_dir() / "tests/eval/golden/perplexity.json");
  return json;
}

std::shared_ptr<const Model> load_tiny(const std::string& name,
                                       std::optional<WeightScheme> weights = WeightScheme::F32) {
  return std::make_shared<const Model>(load_model(test::tiny_models() / name, {.plan = {.weights = weights}}));
}

EvalText text_of(const Json& ids, const Json& windows) {
  EvalText text{.protocol = "test", .ids = ids.get<std::vector<int32_t>>()};
  for (const Json& w : windows) text.windows.push_back({w[0].get<int64_t>(), w[1].get<int64_t>(), w[2].get<int64_t>()});
  return text;
}

TEST(ScorePosition, EqualsTheDefinitionInDoubleForEveryVariant) {
  Rng rng(5);
  for (const kernels::VecVariant& vec : kernels::vec_variants()) {
    if (!kernels::supported(vec.isa)) continue;
    for (const size_t n : {1u, 2u, 7u, 33u, 1000u}) {
      std::vector<float> q(n), p(n);
      for (size_t i = 0; i < n; ++i) q[i] = 4 * rng.normal(), p[i] = q[i] + 0.5f * rng.normal() + 20;
      double q_sum = 0, p_sum = 0, kl = 0;
      for (size_t i = 0; i < n; ++i)
        q_sum += std::exp(static_cast<double>(q[i])), p_sum += std::exp(static_cast<double>(p[i]));
      for (size_t i = 0; i < n; ++i) {
        const double log_p = static_cast<double>(p[i]) - std::log(p_sum),
                     log_q = static_cast<double>(q[i]) - std::log(q_sum);
        kl += std::exp(log_p) * (log_p - log_q);
      }
      const auto target = static_cast<int32_t>(n / 2);
      const PositionScore score = score_position(vec, q, target, p);
      // exp(x − max) in float: the subtraction rounds, and 2 ulp of the exponential are 4 roundings at most. A log of a
      // sum is off by the mean of that under the softmax; KL by both logs, and by each term's own share.
      const auto rounding = [&](const std::vector<float>& x, size_t i) {
        return bounds::kUnit * (4 + static_cast<double>(*std::max_element(x.begin(), x.end()) - x[i]));
      };
      double q_error = 0, p_error = 0, terms_error = 0;
      for (size_t i = 0; i < n; ++i) {
        const double log_p = static_cast<double>(p[i]) - std::log(p_sum),
                     log_q = static_cast<double>(q[i]) - std::log(q_sum);
        q_error += std::exp(log_q) * rounding(q, i);
        p_error += std::exp(log_p) * rounding(p, i);
        terms_error += std::exp(log_p) * rounding(p, i) * std::abs(log_p - log_q);
      }
      EXPECT_NEAR(score.nll, std::log(q_sum) - static_cast<double>(q[n / 2]), q_error) << vec.name << " " << n;
      EXPECT_NEAR(score.kl, kl, q_error + p_error * (1 + kl) + terms_error) << vec.name << " " << n;
      EXPECT_EQ(score.agrees,
                std::max_element(p.begin(), p.end()) - p.begin() == std::max_element(q.begin(), q.end()) - q.begin());
      EXPECT_EQ(score_position(vec, q, target, q).kl, 0);
      EXPECT_TRUE(score_position(vec, q, target, q).agrees);
    }
  }
}

TEST(ScorePosition, RefusesATargetOutsideTheVocabulary) {
  const kernels::VecVariant& vec = kernels::vec_variants().back();
  const std::vector<float> logits(4), other(5);
  EXPECT_THROW(score_position(vec, logits, 4), ArgumentError);
  EXPECT_THROW(score_position(vec, logits, -1), ArgumentError);
  EXPECT_THROW(score_position(vec, logits, 0, other), ArgumentError);
}

/// What rounding in float32 does to the mean of n losses, or of n divergences. The error of a sum of K products is a
/// random walk, √K·u of the sum's own size at most (u = 2⁻²⁴); a logit has 7·L + 1 such sums behind it, one after
/// another, whose errors are independent. A loss is a logit less a mean of logits: √2 of that; so is a divergence,
/// whose weights p err as well: twice √2. The mean of n is off by 1/√n of one. Four standard deviations.
double mean_bound(const std::shared_ptr<const Model>& model, std::span<const int32_t> ids, int64_t n) {
  Session session(model, {.context = std::ssize(ids), .kv = kernels::KvStorage::F32});
  double squares = 0;
  session.append(ids, [&](int64_t, std::span<const float> logits) {
    for (const float z : logits) squares += static_cast<double>(z) * static_cast<double>(z);
  });
  const ModelConfig& config = model->config;
  const auto sums = static_cast<double>((7 * config.layers + 1) * std::max(config.width, config.ffn));
  const double logit = std::sqrt(squares / static_cast<double>(std::ssize(ids) * config.vocab));
  return 4 * std::sqrt(2 * sums / static_cast<double>(n)) * bounds::kUnit * logit;
}

TEST(ScoreText, EqualsTransformersOnTinyModels) {
  for (const auto& [name, plans] : golden().at("models").items()) {
    const auto model = load_tiny(name);
    const std::vector<int32_t> ids = golden().at("ids");
    for (const auto& [plan, expected] : plans.items()) {
      EvalText text = text_of(golden().at("ids"), expected.at("windows"));
      if (!expected.at("bos").is_null()) text.bos = expected.at("bos").get<int32_t>();
      const Score score = score_text(model, text);
      EXPECT_EQ(score.nll.count(), expected.at("tokens").get<int64_t>()) << name << " " << plan;
      EXPECT_EQ(text.counted_tokens(), score.nll.count());
      EXPECT_EQ(score.windows, std::ssize(text.windows));
      const int64_t n = score.nll.count();
      const double bound = mean_bound(model, std::span(ids).first(256), n);
      EXPECT_NEAR(score.nll.mean(), expected.at("mean_nll").get<double>(), bound) << name << " " << plan;
      const double perplexity = expected.at("perplexity").get<double>(), error = expected.at("stderr").get<double>();
      EXPECT_NEAR(score.perplexity(), perplexity, bound * perplexity) << name << " " << plan;
      // perplexity · deviation/√n: the deviation of n losses is off as their mean is
      const double error_bound = bound * error + bound * perplexity / std::sqrt(static_cast<double>(n));
      EXPECT_NEAR(score.perplexity_error().value(), error, error_bound);
      EXPECT_EQ(score.kl.count(), 0);
    }
  }
}

TEST(ScoreText, DoesNotDependOnStepsOrThreads) {
  const auto model = load_tiny("qwen2_tied");
  const EvalText text = text_of(golden().at("ids"), golden().at("models").at("qwen2_tied").at("rolling").at("windows"));
  const Score whole = score_text(model, text);
  for (const int64_t rows : {1, 7, 24}) {
    const test::ScopedThreads threads(rows == 7 ? 3 : 1);
    const Score steps = score_text(model, text, {.max_rows = rows, .max_logit_rows = std::max<int64_t>(1, rows / 2)});
    EXPECT_EQ(steps.nll.count(), whole.nll.count());
    EXPECT_EQ(steps.nll.mean(), whole.nll.mean()) << rows;  // bits: one order of summation, docs/numerics.md
    EXPECT_EQ(steps.nll.standard_error(), whole.nll.standard_error()) << rows;
  }
}

TEST(ScoreText, KlToTheUnquantizedModelEqualsTransformers) {
  const Json& expected = golden().at("kl");
  const auto reference = load_tiny("qwen2_untied");
  const auto model = load_tiny(expected.at("file").get<std::string>());
  EvalText text{.protocol = "test", .ids = expected.at("ids").get<std::vector<int32_t>>()};
  text.ids.push_back(0);  // the last position predicts something too
  text.windows = {{0, 1, std::ssize(text.ids)}};
  const Score score = score_text(model, text, {.reference = reference, .max_rows = 48, .max_logit_rows = 9});
  EXPECT_EQ(score.kl.count(), expected.at("positions").get<int64_t>());
  const double bound = 2 * mean_bound(reference, text.ids, score.kl.count());
  EXPECT_NEAR(score.kl.mean(), expected.at("mean").get<double>(), bound);
  EXPECT_NEAR(score.kl.standard_error().value(), expected.at("stderr").get<double>(),
              bound / std::sqrt(static_cast<double>(score.kl.count())));
  EXPECT_EQ(score.agreed, expected.at("agreed").get<int64_t>());
  EXPECT_GT(std::abs(score_text(reference, text, {.reference = model}).kl.mean() - score.kl.mean()), 10 * bound)
      << "the direction matters";

  const Score some =
      score_text(model, text, {.reference = reference, .kl_tokens = 21, .max_rows = 48, .max_logit_rows = 9});
  EXPECT_EQ(some.kl.count(), 21);
  EXPECT_EQ(some.nll.count(), score.nll.count());
  EXPECT_EQ(some.nll.mean(), score.nll.mean());
}

TEST(ScoreText, AModelIsItself) {
  const auto model = load_tiny("llama_untied");
  const EvalText text{.protocol = "test", .ids = {1, 2, 3, 4, 5, 6}, .windows = {{0, 1, 6}}};
  const auto twin = load_tiny("llama_untied");
  for (const auto& reference : {model, twin}) {
    const Score score = score_text(model, text, {.reference = reference});
    EXPECT_EQ(score.kl.count(), 5);
    EXPECT_EQ(score.kl.mean(), 0);
    EXPECT_EQ(score.agreement(), 1);
  }
}

TEST(ScoreText, FakeQuantizedActivationsCostSomethingAndLittle) {
  const auto reference = load_tiny("qwen2_tied");
  EvalText text = text_of(golden().at("ids"), Json::array({{0, 1, 300}}));
  double kl[3];
  for (const ActivationScheme scheme : {ActivationScheme::F32, ActivationScheme::A8G32, ActivationScheme::A8T}) {
    const auto model = std::make_shared<const Model>(load_model(
        test::tiny_models() / "qwen2_tied", {.plan = {.weights = WeightScheme::W8C}, .fake_activations = scheme}));
    kl[static_cast<size_t>(scheme)] = score_text(model, text, {.reference = reference}).kl.mean();
  }
  EXPECT_GT(kl[0], 1e-6) << "the weights are on the w8c grid";
  EXPECT_GT(kl[1], kl[0]);
  EXPECT_GT(kl[2], kl[0]);
  EXPECT_LT(kl[2], 0.1);
  EXPECT_NE(kl[1], kl[2]);
}

TEST(ScoreText, RefusesWhatDoesNotFit) {
  const auto model = load_tiny("qwen2_untied");
  const std::vector<int32_t> ids(600, 1);
  EXPECT_THROW(score_text(model, {.protocol = "t", .ids = ids, .windows = {{0, 1, 600}}}), ArgumentError)
      << "context 512";
  EXPECT_THROW(score_text(model, {.protocol = "t", .ids = {1, 2}, .windows = {{0, 1, 3}}}), ArgumentError);
  EXPECT_THROW(score_text(model, {.protocol = "t", .ids = {1, 2}, .windows = {{0, 0, 2}}}), ArgumentError);
  EXPECT_THROW(score_text(model, {.protocol = "t", .ids = {1, 320}, .windows = {{0, 1, 2}}}), ArgumentError);
  EXPECT_THROW(score_text(model, {.protocol = "t", .ids = {1, 2}, .windows = {{0, 1, 2}}},
                          {.reference = load_tiny("qwen2_tied")}),
               ArgumentError)
      << "another vocabulary";
}

}  // namespace
}  // namespace slm
