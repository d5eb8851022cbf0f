// SPDX-License-Identifier: Apache-2.0
// WeightView: any piece of it is that piece of the fake-quantized matrix, bit for bit (N2); its mask is fake_quant's.
#include "slm/quant/weight_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "slm/core/rng.h"
#include "slm/quant/fake_quant.h"
#include "tests/support/expect_error.h"

namespace slm {
namespace {

constexpr int64_t kRows = 7, kColumns = 128;

std::vector<float> weights() {
  Rng rng(1);
  std::vector<float> w(kRows * kColumns);
  for (float& x : w) x = rng.normal();
  std::fill(w.begin() + 2 * kColumns, w.begin() + 3 * kColumns, 0.0f);     // a row of zeros
  std::fill(w.begin() + 3 * kColumns, w.begin() + 4 * kColumns, -0.125f);  // a constant one
  return w;
}

class EveryWeightScheme : public testing::TestWithParam<WeightSchemeInfo> {};

TEST_P(EveryWeightScheme, PiecesAreThoseOfTheFakeQuantizedMatrix) {
  const std::vector<float> w = weights();
  std::vector<float> whole(w.size());
  fake_quant(GetParam().scheme, kColumns, w, whole);
  const WeightView view(w, kRows, kColumns, GetParam().scheme);
  EXPECT_EQ(view.plain(), nullptr);
  const int64_t step = std::max<int64_t>(32, view.unit());
  for (int64_t r0 = 0; r0 < kRows; ++r0)
    for (int64_t r1 = r0 + 1; r1 <= kRows; r1 += 3)
      for (int64_t c0 = 0; c0 < kColumns; c0 += step)
        for (int64_t c1 = c0 + step; c1 <= kColumns; c1 += step) {
          std::vector<float> piece(static_cast<size_t>((r1 - r0) * (c1 - c0)), NAN);
          view.read(r0, r1, c0, c1, piece);
          for (int64_t r = r0; r < r1; ++r)
            for (int64_t c = c0; c < c1; ++c)
              ASSERT_EQ(piece[static_cast<size_t>((r - r0) * (c1 - c0) + c - c0)],
                        whole[static_cast<size_t>(r * kColumns + c)])
                  << r << ',' << c;
        }
}

TEST_P(EveryWeightScheme, MaskedGradientsAreThoseOfClippedWeights) {
  const std::vector<float> w = weights();
  std::vector<float> whole(w.size()), gradient(w.size(), 3.0f);
  std::vector<uint8_t> inside(w.size());
  fake_quant(GetParam().scheme, kColumns, w, whole, inside);
  WeightView(w, kRows, kColumns, GetParam().scheme).mask_clipped_(gradient);
  for (size_t i = 0; i < w.size(); ++i) ASSERT_EQ(gradient[i], inside[i] ? 3.0f : 0.0f) << i;
  if (GetParam().scheme == WeightScheme::W4G32) {
    EXPECT_LT(std::count(inside.begin(), inside.end(), 1), std::ssize(inside)) << "Q4_0 clips, or this tests nothing";
  }
}

INSTANTIATE_TEST_SUITE_P(, EveryWeightScheme,
                         testing::ValuesIn(all_weight_schemes().begin(), all_weight_schemes().end()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(WeightView, WithoutASchemeIsTheWeightsThemselves) {
  const std::vector<float> w = weights();
  const WeightView view(w, kRows, kColumns);
  EXPECT_EQ(view.plain(), w.data());
  std::vector<float> piece(3), gradient(w.size(), 2.0f);
  view.read(4, 5, 7, 10, piece);
  EXPECT_EQ(piece, std::vector<float>(w.begin() + 4 * kColumns + 7, w.begin() + 4 * kColumns + 10));
  view.mask_clipped_(gradient);
  EXPECT_EQ(gradient, std::vector<float>(w.size(), 2.0f));
}

TEST(WeightView, RefusesWhatItCannotCut) {
  std::vector<float> w = weights(), piece(1000);
  EXPECT_THROW(WeightView(w, kRows, kColumns + 1), ArgumentError);
  EXPECT_THROW(WeightView(std::span(w).first(7 * 100), kRows, 100, WeightScheme::W4G32), ArgumentError);
  const WeightView view(w, kRows, kColumns, WeightScheme::W4G32);
  EXPECT_THROW(view.read(0, 1, 0, 16, std::span(piece).first(16)), ArgumentError);
  EXPECT_THROW(view.read(0, kRows + 1, 0, 32, std::span(piece).first(32)), ArgumentError);
  EXPECT_THROW(view.read(0, 1, 0, 32, std::span(piece).first(31)), ArgumentError);
  const std::vector<float> deep(131073);
  EXPECT_NO_THROW(WeightView(std::span(deep).first(131072), 1, 131072, WeightScheme::W8C));
  expect_error<ArgumentError>([&] { WeightView(deep, 1, 131073, WeightScheme::W8C); },
                              {"[weight_view]", "131073", "w8c", "131072"});
  EXPECT_NO_THROW(WeightView(deep, 1, 131073)) << "floats have no such bound";
  w[5] = NAN;
  EXPECT_THROW(WeightView(w, kRows, kColumns, WeightScheme::W8C), ArgumentError);
  EXPECT_THROW(view.read(0, 1, 0, 32, std::span(piece).first(32)), ArgumentError);
}

}  // namespace
}  // namespace slm
