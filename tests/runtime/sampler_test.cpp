// SPDX-License-Identifier: Apache-2.0
#include "slm/runtime/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "slm/core/error.h"
#include "slm/core/rng.h"

namespace slm {
namespace {

const std::vector<float> kLogits = {1.0f, 3.0f, 2.0f, 0.0f, -1.0f};

std::map<int32_t, double> frequencies(SamplerOptions options, std::span<const float> logits = kLogits,
                                      std::span<const int32_t> seen = {}) {
  Sampler sampler(options, std::ssize(logits));
  std::map<int32_t, double> count;
  for (int i = 0; i < 20000; ++i) count[sampler.sample(logits, seen)] += 1.0 / 20000;
  return count;
}

/// softmax(logits / temperature) over the kept ids.
void expect_softmax(const std::map<int32_t, double>& actual, std::vector<int32_t> kept, double temperature) {
  double sum = 0;
  for (const int32_t id : kept) sum += std::exp(static_cast<double>(kLogits[static_cast<size_t>(id)]) / temperature);
  EXPECT_EQ(actual.size(), kept.size());
  for (const int32_t id : kept) {
    const double p = std::exp(static_cast<double>(kLogits[static_cast<size_t>(id)]) / temperature) / sum;
    ASSERT_TRUE(actual.contains(id)) << id;
    EXPECT_NEAR(actual.at(id), p, 5 * std::sqrt(p * (1 - p) / 20000) + 1e-9) << id;
  }
}

TEST(Sampler, IsGreedyAtTemperatureZeroAndTakesTheFirstOfEquals) {
  Sampler sampler({}, 4);
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 5, 5, 2}, {}), 1);
}

TEST(Sampler, DrawsFromTheSoftmax) { expect_softmax(frequencies({.temperature = 1.5f}), {0, 1, 2, 3, 4}, 1.5); }
TEST(Sampler, TopKKeepsTheLikeliest) { expect_softmax(frequencies({.temperature = 1, .top_k = 2}), {1, 2}, 1); }
TEST(Sampler, TopPKeepsTheSmallestSetThatReachesIt) {
  // softmax: 0.0861 0.6364 0.2341 0.0317 0.0117
  expect_softmax(frequencies({.temperature = 1, .top_p = 0.63f}), {1}, 1);
  expect_softmax(frequencies({.temperature = 1, .top_p = 0.65f}), {1, 2}, 1);
  expect_softmax(frequencies({.temperature = 1, .top_p = 0.88f}), {0, 1, 2}, 1);
}
TEST(Sampler, MinPIsRelativeToTheLikeliest) {
  // relative to the largest: 0.135 1 0.368 0.050 0.018
  expect_softmax(frequencies({.temperature = 1, .min_p = 0.2f}), {1, 2}, 1);
  expect_softmax(frequencies({.temperature = 1, .min_p = 0.1f}), {0, 1, 2}, 1);
}

TEST(Sampler, TopPComesBeforeMinPAndAfterTopK) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
  // min-p first would leave 0.5 0.3 0.15, of which the first two reach 0.83
  EXPECT_EQ(frequencies({.temperature = 1, .top_p = 0.83f, .min_p = 0.2f}, logits).size(), 3u);
  // of the two that top-k leaves, the first holds 0.625
  EXPECT_EQ(frequencies({.temperature = 1, .top_k = 2, .top_p = 0.62f}, logits).size(), 1u);
  EXPECT_EQ(frequencies({.temperature = 1, .top_k = 2, .top_p = 0.63f}, logits).size(), 2u);
}

TEST(Sampler, TopPOfALargeVocabularyIsThatOfTheSortedOne) {
  Rng rng(3);
  std::vector<float> logits(20000);
  for (float& logit : logits) logit = 2 * rng.normal();
  std::vector<double> sorted(logits.begin(), logits.end());
  std::sort(sorted.rbegin(), sorted.rend());
  double total = 0;
  for (const double z : sorted) total += std::exp(z);
  for (const float p : {0.01f, 0.2f, 0.5f, 0.9f}) {  // 2 to 7,000 ids: all stretches of the search
    size_t count = 0;
    for (double kept = 0; kept < static_cast<double>(p) * total; ++count) kept += std::exp(sorted[count]);
    const float least = static_cast<float>(sorted[count - 1]);
    Sampler sampler({.temperature = 1, .top_p = p}, std::ssize(logits));
    float smallest = INFINITY;
    const int draws = static_cast<int>(3 * count);
    for (int i = 0; i < draws; ++i)
      smallest = std::min(smallest, logits[static_cast<size_t>(sampler.sample(logits, {}))]);
    EXPECT_GE(smallest, least) << p;
    EXPECT_LE(smallest, static_cast<float>(sorted[count * 9 / 10])) << p << ": the tail is drawn, too";
  }
}

TEST(Sampler, ChoosesAnInfiniteLogitAndNeverOneOfMinusInfinity) {
  EXPECT_EQ(frequencies({.temperature = 1}, std::vector<float>{1, 0, INFINITY, -2}).begin()->first, 2);
  const auto drawn = frequencies({.temperature = 1}, std::vector<float>{-INFINITY, 1, 1, -INFINITY});
  EXPECT_EQ(drawn.size(), 2u);
  EXPECT_FALSE(drawn.contains(0) || drawn.contains(3));
}

TEST(Sampler, RefusesASeenIdWithoutALogitAndMoreLogitsThanItsVocabulary) {
  Sampler sampler({.repeat_penalty = 2}, 3);
  const std::vector<float> logits = {1, 2, 3};
  EXPECT_THROW(sampler.sample(logits, std::vector<int32_t>{3}), ArgumentError);
  EXPECT_THROW(sampler.sample(logits, std::vector<int32_t>{-1}), ArgumentError);
  EXPECT_THROW(sampler.sample(kLogits, {}), ArgumentError);
  EXPECT_THROW(Sampler({}, 0), ArgumentError);
}

TEST(Sampler, PenaltyDividesPositiveAndMultipliesNegativeLogitsOnce) {
  Sampler sampler({.repeat_penalty = 2}, 3);
  EXPECT_EQ(sampler.sample(std::vector<float>{3, 2, -9}, std::vector<int32_t>{0, 0}), 1);     // 1.5 < 2
  EXPECT_EQ(sampler.sample(std::vector<float>{3, 1.4f, -9}, std::vector<int32_t>{0, 0}), 0);  // once, not 0.75
  EXPECT_EQ(sampler.sample(std::vector<float>{-1, -1.5f, -9}, std::vector<int32_t>{0}), 1);   // -2 < -1.5
  std::vector<int32_t> old(100, 1);
  old[0] = 0;  // beyond the 64 looked back at
  EXPECT_EQ(sampler.sample(std::vector<float>{3, 2, -9}, old), 0);
}

TEST(Sampler, TheSameSeedDrawsTheSame) {
  Sampler a({.temperature = 1, .seed = 5}, 5), b({.temperature = 1, .seed = 5}, 5), c({.temperature = 1, .seed = 6}, 5);
  int different = 0;
  for (int i = 0; i < 100; ++i) {
    const int32_t id = a.sample(kLogits, {});
    EXPECT_EQ(id, b.sample(kLogits, {}));
    different += id != c.sample(kLogits, {});
  }
  EXPECT_GT(different, 10);
}

TEST(Sampler, NeverChoosesNan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(argmax(std::vector<float>{nan, 1, nan, 2}), 3);
  EXPECT_THROW(argmax(std::vector<float>{nan, nan}), ArgumentError);
  EXPECT_EQ(frequencies({.temperature = 1}, std::vector<float>{nan, 1, nan}).size(), 1u);
}

TEST(Sampler, RefusesOptionsOutOfRange) {
  for (const SamplerOptions& bad : {SamplerOptions{.temperature = -1},
                                    {.temperature = INFINITY},
                                    {.top_k = -1},
                                    {.top_p = 0},
                                    {.top_p = 1.1f},
                                    {.min_p = -0.1f},
                                    {.min_p = 1.5f},
                                    {.repeat_penalty = 0},
                                    {.repeat_last = -2},
                                    {.temperature = NAN}})
    EXPECT_THROW(Sampler(bad, 10), ArgumentError);
}

}  // namespace
}  // namespace slm
