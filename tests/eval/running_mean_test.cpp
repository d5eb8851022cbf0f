// SPDX-License-Identifier: Apache-2.0
#include "slm/eval/running_mean.h"

#include <gtest/gtest.h>

namespace slm {
namespace {

TEST(RunningMean, IsZeroOfNothingAndKnowsNoErrorOfOne) {
  RunningMean mean;
  EXPECT_EQ(mean.mean(), 0);
  EXPECT_FALSE(mean.standard_error());
  mean.add(3);
  EXPECT_EQ(mean.mean(), 3);
  EXPECT_FALSE(mean.standard_error());
  mean.add(3);
  EXPECT_EQ(mean.standard_error(), 0);
}

TEST(RunningMean, HasTheSampleStandardDeviationOverTheRootOfN) {
  RunningMean mean;
  for (const double x : {1.0, 2.0, 4.0, 9.0}) mean.add(x);
  EXPECT_EQ(mean.count(), 4);
  EXPECT_DOUBLE_EQ(mean.mean(), 4.0);
  EXPECT_DOUBLE_EQ(mean.standard_error().value(), std::sqrt((9.0 + 4 + 0 + 25) / 3 / 4));
}

TEST(RunningMean, DoesNotCancelFarFromZero) {
  RunningMean mean;
  for (int i = 0; i < 1000; ++i) mean.add(1e9 + (i % 2));
  EXPECT_DOUBLE_EQ(mean.mean(), 1e9 + 0.5);
  EXPECT_NEAR(mean.standard_error().value(), std::sqrt(250.0 / 999 / 1000), 1e-9);
}

}  // namespace
}  // namespace slm
