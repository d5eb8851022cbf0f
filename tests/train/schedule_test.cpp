// SPDX-License-Identifier: Apache-2.0
// The learning rate over a run, and clipping by the global norm.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "slm/core/error.h"
#include "slm/core/rng.h"
#include "slm/train/grad_clip.h"
#include "slm/train/lr_schedule.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

TEST(LrSchedule, WarmsUpThenDecays) {
  LrSchedule schedule{.peak = 0.4, .decay = LrDecay::Constant, .warmup = 4, .steps = 12};
  EXPECT_DOUBLE_EQ(schedule.at(1), 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(4), 0.4);
  EXPECT_DOUBLE_EQ(schedule.at(12), 0.4);
  schedule.decay = LrDecay::Linear;
  EXPECT_DOUBLE_EQ(schedule.at(5), 0.4);
  EXPECT_DOUBLE_EQ(schedule.at(9), 0.2);
  EXPECT_DOUBLE_EQ(schedule.at(12), 0.05) << "the last step still learns";
  schedule.decay = LrDecay::Cosine;
  EXPECT_DOUBLE_EQ(schedule.at(5), 0.4);
  EXPECT_DOUBLE_EQ(schedule.at(9), 0.2);
  EXPECT_NEAR(schedule.at(7), 0.2 * (1 + std::sqrt(0.5)), 1e-12);
  schedule.warmup = 0;
  EXPECT_DOUBLE_EQ(schedule.at(1), 0.4);
}

TEST(LrSchedule, RefusesWhatIsNoSchedule) {
  for (const double peak : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THROW((LrSchedule{.peak = peak}.check()), ArgumentError) << peak;
  EXPECT_THROW((LrSchedule{.peak = 1, .steps = 0}.check()), ArgumentError);
  EXPECT_THROW((LrSchedule{.peak = 1, .warmup = 5, .steps = 4}.check()), ArgumentError);
  EXPECT_THROW((LrSchedule{.peak = 1, .steps = 4}.at(5)), ArgumentError);
  EXPECT_THROW(parse_lr_decay("exponential"), ArgumentError);
  EXPECT_EQ(parse_lr_decay("linear"), LrDecay::Linear);
}

TEST(GradClip, ScalesToTheLimitOverAllPieces) {
  Rng rng(1);
  std::vector<float> grads((1 << 16) + 1000);
  for (float& g : grads) g = rng.normal();
  double squares = 0;
  for (const float g : grads) squares += static_cast<double>(g) * static_cast<double>(g);
  std::vector<float> first;
  for (const int threads : {1, 3}) {
    const test::ScopedThreads scope(threads);
    std::vector<float> clipped = grads;
    EXPECT_NEAR(clip_grad_norm_(clipped, 2.0), std::sqrt(squares), 1e-9 * std::sqrt(squares));
    EXPECT_NEAR(clip_grad_norm_(clipped, 0.0), 2.0, 1e-6);
    EXPECT_NEAR(static_cast<double>(clipped[70] / grads[70]), 2.0 / std::sqrt(squares), 1e-6);
    if (first.empty()) first = clipped;
    EXPECT_EQ(clipped, first) << "threads change bits";
  }
  std::vector<float> small = {0.3f, 0.4f};
  EXPECT_NEAR(clip_grad_norm_(small, 1.0), 0.5, 1e-7);
  EXPECT_EQ(small, (std::vector<float>{0.3f, 0.4f})) << "what is within the limit stays";
  small[0] = NAN;
  EXPECT_TRUE(std::isnan(clip_grad_norm_(small, 0.1)));
  EXPECT_THROW(clip_grad_norm_(small, -1.0), ArgumentError);
}

}  // namespace
}  // namespace slm
