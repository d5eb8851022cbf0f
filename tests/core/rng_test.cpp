// SPDX-License-Identifier: Apache-2.0
#include "slm/core/rng.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace slm {
namespace {

TEST(Rng, IsXoshiro256StarStarSeededBySplitmix64) {
  // Reference values: the authors' C code (prng.di.unimi.it), state = four splitmix64 outputs from seed 0.
  Rng rng(0);
  EXPECT_EQ(rng.state()[0], 0xe220a8397b1dcdafu);
  EXPECT_EQ(rng.state()[1], 0x6e789e6aa1b965f4u);
  EXPECT_EQ(rng.state()[2], 0x06c45d188009454fu);
  EXPECT_EQ(rng.state()[3], 0xf88bb8a8724c81ecu);
  EXPECT_EQ(rng.next(), 0x99ec5f36cb75f2b4u);
  EXPECT_EQ(rng.next(), 0xbf6e1f784956452au);
}

TEST(Rng, ContinuesFromASavedState) {
  Rng a(7);
  for (int i = 0; i < 10; ++i) a.next();
  Rng b(1);
  b.set_state(a.state());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(Rng, BelowIsUniform) {
  Rng rng(3);
  std::array<int, 6> count{};
  for (int i = 0; i < 60000; ++i) ++count[rng.below(6)];
  for (const int c : count) EXPECT_NEAR(c, 10000, 5 * std::sqrt(10000.0 * 5 / 6));
}

TEST(Rng, NormalHasMeanZeroAndVarianceOne) {
  Rng rng(4);
  double sum = 0, squares = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(squares / kDraws, 1, 5 * std::sqrt(2.0 / kDraws));
}

}  // namespace
}  // namespace slm
