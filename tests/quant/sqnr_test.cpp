// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/sqnr.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "slm/core/error.h"

namespace slm {
namespace {

TEST(Sqnr, IsTenLogTenOfSignalOverNoise) {
  const std::vector<float> r = {3.0f, 4.0f}, q = {3.0f, 3.5f};
  EXPECT_DOUBLE_EQ(sqnr_db(r, q), 20.0);  // 25 / 0.25
}

TEST(Sqnr, PiecesAddUpToTheWhole) {
  const std::vector<float> r = {1, 2, 3, 4, 5}, q = {1.1f, 1.9f, 3.0f, 4.2f, 4.9f};
  SqnrAccumulator pieces, rest;
  pieces.add(std::span(r).first(2), std::span(q).first(2));
  rest.add(std::span(r).subspan(2), std::span(q).subspan(2));
  pieces.add(rest);
  EXPECT_NEAR(pieces.db(), sqnr_db(r, q), 1e-12);
  EXPECT_DOUBLE_EQ(pieces.signal(), 55.0);
}

TEST(Sqnr, NoNoiseIsInfiniteAndNoSignalMinusInfinite) {
  EXPECT_EQ(sqnr_db(std::vector<float>{1.0f}, std::vector<float>{1.0f}), std::numeric_limits<double>::infinity());
  EXPECT_EQ(SqnrAccumulator().db(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(sqnr_db(std::vector<float>{0.0f}, std::vector<float>{1.0f}), -std::numeric_limits<double>::infinity());
}

TEST(Sqnr, RefusesDifferentSizes) {
  EXPECT_THROW(sqnr_db(std::vector<float>(3), std::vector<float>(2)), ArgumentError);
}

}  // namespace
}  // namespace slm
