// SPDX-License-Identifier: Apache-2.0
// Ties: found where they were put, by every grid; dithering takes them away and moves nothing by more than half a fine
// step.
#include "slm/quant/ties.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "slm/quant/fake_quant.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

std::vector<float> normals(size_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x(n);
  for (float& v : x) v = 0.02f * rng.normal();
  return x;
}

/// Weights read back from a grid twice as fine as w4g32's: d·(q − 16), |q − 16| = 16 in every group.
std::vector<float> read_back_from_five_bits(size_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x(n);
  for (size_t g = 0; g < n; g += 32) {
    const float d = 0.001f * (1.0f + rng.uniform());
    for (size_t i = g; i < g + 32; ++i) x[i] = d * (static_cast<float>(rng.below(32)) - 16.0f);
    x[g + rng.below(32)] = -16.0f * d;
  }
  return x;
}

TEST(Ties, AreRareInTrainedWeightsAndEveryOtherOneOnAGridTwiceAsFine) {
  for (const WeightSchemeInfo& scheme : all_weight_schemes())
    EXPECT_LT(tie_share(scheme.scheme, 1024, normals(1 << 15, 1)), 0.01) << scheme.name;
  const std::vector<float> fine = read_back_from_five_bits(1 << 15, 2);
  EXPECT_NEAR(tie_share(WeightScheme::W4G32, 1024, fine), 0.5, 0.02);
  EXPECT_EQ(tie_share(WeightScheme::F32, 1024, fine), 0.0);
  std::vector<float> one = normals(64, 3);
  one[0] = 2.5f / find_params(kGridQ4_0, std::span(one).first(32)).inverse;
  EXPECT_NEAR(tie_share(WeightScheme::W4G32, 64, one), 1.0 / 64, 1e-9) << "one, put there";
}

TEST(Ties, OfATensorWithOneScaleAreCountedByThatScaleInAllPieces) {
  // Whole codes, the largest last: no piece but the last has the tensor's range. Every third value is half a code more.
  constexpr size_t kValues = 3 * (1 << 14) + 5;
  const WeightScheme scheme = parse_weight_scheme("w8t");
  std::vector<float> x(kValues);
  for (size_t i = 0; i < kValues; ++i) x[i] = static_cast<float>(i % 100) + (i % 3 == 0 ? 0.5f : 0.0f);
  x.back() = 127.0f;
  for (const int threads : {1, 3}) {
    const test::ScopedThreads scope(threads);
    EXPECT_EQ(tie_share(scheme, 1, x), static_cast<double>((kValues + 2) / 3) / static_cast<double>(kValues));
  }
}

TEST(Ties, DitheringLeavesNoneAndMovesLittle) {
  const std::vector<float> before = read_back_from_five_bits(1 << 14, 4);
  std::vector<float> after = before, again = before;
  Rng rng(7), same(7);
  dither_ties_(WeightScheme::W4G32, 512, after, rng);
  dither_ties_(WeightScheme::W4G32, 512, again, same);
  EXPECT_EQ(after, again);
  EXPECT_LT(tie_share(WeightScheme::W4G32, 512, after), 0.01);
  double largest = 0;
  for (size_t g = 0; g < before.size(); g += 32) {
    const float step = std::fabs(find_params(kGridQ4_0, std::span(before).subspan(g, 32)).scale);
    for (size_t i = g; i < g + 32; ++i)
      largest = std::max(largest, static_cast<double>(std::fabs(after[i] - before[i]) / step));
  }
  EXPECT_LE(largest, 0.2501);
  EXPECT_GT(largest, 0.2);
  std::vector<float> trained = normals(1 << 12, 5);
  const std::vector<float> kept = trained;
  dither_ties_(WeightScheme::W4G32, 512, trained, rng);
  EXPECT_EQ(trained, kept) << "nothing to do";
  EXPECT_THROW(tie_share(WeightScheme::W4G32, 40, kept), ArgumentError);
  EXPECT_THROW(tie_share(WeightScheme::W4G32, 0, kept), ArgumentError);
}

}  // namespace
}  // namespace slm
