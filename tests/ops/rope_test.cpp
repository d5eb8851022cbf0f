// SPDX-License-Identifier: Apache-2.0
// The rotation itself is small_ops_test's and tests/golden's.
#include "slm/ops/rope.h"

#include <gtest/gtest.h>

#include <cmath>

#include "slm/core/error.h"
#include "slm/kernels/vec/variants.h"

namespace slm {
namespace {

TEST(Rope, RefusesRowsWithoutAnglesAndColumnsThatAreNoHeads) {
  const kernels::VecVariant& vec = kernels::select(kernels::vec_variants());
  std::vector<float> x(3 * 32, 1.0f);
  RopeAngles angles(16, 1e4, 4);
  EXPECT_THROW(rope_(vec, angles, 16, {x.data(), 1, 32, 32}), ArgumentError) << "none set";
  angles.set(std::vector<int32_t>{0, 1});
  EXPECT_THROW(rope_(vec, angles, 16, {x.data(), 3, 32, 32}), ArgumentError);
  EXPECT_THROW(rope_(vec, angles, 20, {x.data(), 2, 32, 32}), ArgumentError);
  EXPECT_THROW(rope_(vec, angles, 8, {x.data(), 2, 32, 32}), ArgumentError) << "16 rotary dims in a head of 8";
  EXPECT_THROW(rope_(vec, angles, 0, {x.data(), 2, 32, 32}), ArgumentError);
  EXPECT_THROW(angles.set(std::vector<int32_t>(5, 0)), ArgumentError);
  EXPECT_EQ(angles.rows(), 2);
  EXPECT_NO_THROW(rope_(vec, angles, 16, {x.data(), 2, 32, 32}));
}

TEST(Rope, RefusesAnglesThatAreNone) {
  EXPECT_THROW(RopeAngles(15, 1e4, 4), ArgumentError);
  EXPECT_THROW(RopeAngles(0, 1e4, 4), ArgumentError);
  EXPECT_THROW(RopeAngles(-16, 1e4, 4), ArgumentError);
  EXPECT_THROW(RopeAngles(16, 0, 4), ArgumentError);
  EXPECT_THROW(RopeAngles(16, std::nan(""), 4), ArgumentError);
  EXPECT_THROW(RopeAngles(16, 1e4, -1), ArgumentError);
}

}  // namespace
}  // namespace slm
