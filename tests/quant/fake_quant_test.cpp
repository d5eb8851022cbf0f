// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/fake_quant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "slm/core/rng.h"
#include "slm/quant/activations.h"
#include "slm/quant/rows.h"
#include "tests/quant/golden_file.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

/// Blocks of the golden input that no scheme refuses, then normals: (n / 320, 320).
std::vector<float> inputs() {
  std::vector<float> x = golden_floats("input.f32");
  Rng rng(1);
  x.resize((x.size() / 320 + 40) * 320, 0.0f);
  for (size_t i = x.size() - 12800; i < x.size(); ++i) x[i] = rng.normal() * (i % 640 < 320 ? 1.0f : 1e-3f);
  return x;
}
constexpr int64_t kK = 320;

std::vector<float> stored_and_read(WeightScheme scheme, int64_t k, std::span<const float> x) {
  std::vector<float> values(x.size());
  std::vector<std::byte> row(row_bytes(scheme, k));
  const size_t width = static_cast<size_t>(k);
  for (size_t i = 0; i < x.size(); i += width) {
    float scale = 0.0f;
    encode_row(scheme, x.subspan(i, width), row, &scale);
    decode_row(scheme, row, scale, std::span(values).subspan(i, width));
  }
  return values;
}

std::string scheme_label(const testing::TestParamInfo<WeightScheme>& param) { return std::string(name(param.param)); }

class FakeQuant : public testing::TestWithParam<WeightScheme> {};
INSTANTIATE_TEST_SUITE_P(, FakeQuant,
                         testing::Values(WeightScheme::F32, WeightScheme::BF16, WeightScheme::F16, WeightScheme::W8C,
                                         WeightScheme::W8G32, WeightScheme::W4G32, WeightScheme::W4G32A),
                         scheme_label);

TEST_P(FakeQuant, EqualsDecodedEncodeBitForBit) {
  const std::vector<float> x = inputs();
  const std::vector<float> expected = stored_and_read(GetParam(), kK, x);
  std::vector<float> plain(x.size()), masked(x.size());
  std::vector<uint8_t> mask(x.size());
  fake_quant(GetParam(), kK, x, plain);
  fake_quant(GetParam(), kK, x, masked, mask);
  EXPECT_TRUE(same_bits(plain, expected));
  EXPECT_TRUE(same_bits(masked, expected));
  EXPECT_EQ(same_bits(plain, x), GetParam() == WeightScheme::F32);
}

TEST_P(FakeQuant, WorksInPlaceAndOnEveryNumberOfThreads) {
  const std::vector<float> x = inputs();
  const std::vector<float> expected = stored_and_read(GetParam(), kK, x);
  for (const int threads : {1, 2, 3}) {
    const test::ScopedThreads scope(threads);
    std::vector<float> values = x;
    fake_quant(GetParam(), kK, values, values);
    EXPECT_TRUE(same_bits(values, expected)) << threads;
  }
}

TEST_P(FakeQuant, OneChangedInputChangesTheOutput) {
  std::vector<float> x = inputs();
  std::vector<float> before(x.size()), after(x.size());
  fake_quant(GetParam(), kK, x, before);
  x[x.size() - 1] += 0.5f * std::abs(x[x.size() - 2]) + 1.0f;
  fake_quant(GetParam(), kK, x, after);
  EXPECT_FALSE(same_bits(before, after));
}

TEST_P(FakeQuant, RefusesWhatEncodingRefuses) {
  std::vector<float> x(64, 1.0f), out(64);
  std::vector<uint8_t> mask(64);
  EXPECT_NO_THROW(fake_quant(GetParam(), 32, x, out, mask));
  EXPECT_THROW(fake_quant(GetParam(), 48, x, out, mask), ArgumentError);
  EXPECT_THROW(fake_quant(GetParam(), 0, x, out, mask), ArgumentError);
  EXPECT_THROW(fake_quant(GetParam(), 32, x, std::span(out).first(32), mask), ArgumentError);
  EXPECT_THROW(fake_quant(GetParam(), 32, x, out, std::span(mask).first(32)), ArgumentError);
  x[40] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(fake_quant(GetParam(), 32, x, out), ArgumentError);
  x[40] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(fake_quant(GetParam(), 32, x, out), ArgumentError);
  if (info(GetParam()).group == 32) {
    x.resize(60);
    out.resize(60);
    EXPECT_THROW(fake_quant(GetParam(), 30, x, out), ArgumentError);
  }
}

TEST_P(FakeQuant, MaskIsTheRangeOfTheUnclampedCode) {
  const std::vector<float> x = inputs();
  std::vector<float> out(x.size());
  std::vector<uint8_t> mask(x.size(), 77);
  fake_quant(GetParam(), kK, x, out, mask);
  size_t clipped = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    uint8_t expected = 1;
    if (GetParam() == WeightScheme::W4G32) {  // the only range that cuts: from its definition, not through grid.h
      const size_t block = i / 32 * 32;
      float extreme = x[block];
      for (size_t j = block; j < block + 32; ++j)
        if (std::abs(x[j]) > std::abs(extreme)) extreme = x[j];
      const float d = extreme / -8.0f, inverse = d == 0.0f || std::isinf(1.0f / d) ? 0.0f : 1.0f / d;
      const float nibble = std::trunc(x[i] * inverse + 8.5f);
      expected = nibble >= 0.0f && nibble <= 15.0f ? 1 : 0;
    }
    ASSERT_EQ(mask[i], expected) << i << ": " << x[i];
    clipped += mask[i] == 0 ? 1 : 0;
  }
  EXPECT_EQ(clipped > 100, GetParam() == WeightScheme::W4G32) << clipped;
}

TEST(FakeQuantGrid, SchemesAreTheirGridsPerGroupAndPerChannel) {
  const std::vector<float> x = inputs();
  const auto same = [&](WeightScheme scheme, const Grid& grid, int64_t group) {
    std::vector<float> a(x.size()), b(x.size());
    std::vector<uint8_t> mask_a(x.size()), mask_b(x.size());
    fake_quant(scheme, kK, x, a, mask_a);
    fake_quant(grid, group, x, b, mask_b);
    return same_bits(a, b) && mask_a == mask_b;
  };
  EXPECT_TRUE(same(WeightScheme::W4G32, kGridQ4_0, 32));
  EXPECT_TRUE(same(WeightScheme::W4G32A, kGridQ4_1, 32));
  EXPECT_TRUE(same(WeightScheme::W8G32, kGridQ8_0, 32));
  EXPECT_TRUE(same(WeightScheme::W8C, kGridW8C, kK));
  EXPECT_FALSE(same(WeightScheme::W8C, kGridW8C, 64));
  EXPECT_FALSE(same(WeightScheme::W8G32, kGridW8C, 32));
}

TEST(FakeQuantGrid, WidthsFromTwoToEightGetBetterPerTensorChannelAndGroup) {
  Rng rng(2);
  std::vector<float> x(4096), out(4096);
  for (float& v : x) v = rng.normal();
  for (const int64_t group : {int64_t{4096}, int64_t{512}, int64_t{64}}) {
    double error_before = 1e9;
    for (int bits = 2; bits <= 8; ++bits) {
      double error = 0.0;
      fake_quant(integer_zero_grid(bits), group, x, out);
      for (size_t i = 0; i < x.size(); ++i) error += std::pow(x[i] - out[i], 2.0);
      EXPECT_LT(error, 0.5 * error_before) << bits;
      error_before = error;
    }
  }
}

TEST(FakeQuantGrid, GivenParametersClipOnBothSides) {
  const GridParams params = given_params(kGridW8C, 0.5f);
  const std::vector<float> x = {-100.0f, -63.5f, 0.2f, 0.25f, 0.75f, 63.5f, 63.74f, 63.8f, 100.0f};
  std::vector<float> out(x.size());
  std::vector<uint8_t> mask(x.size());
  fake_quant(kGridW8C, params, x, out, mask);
  EXPECT_EQ(out, (std::vector<float>{-63.5f, -63.5f, 0.0f, 0.0f, 1.0f, 63.5f, 63.5f, 63.5f, 63.5f}));
  EXPECT_EQ(mask, (std::vector<uint8_t>{0, 1, 1, 1, 1, 1, 1, 0, 0}));
}

class FakeQuantActivations : public testing::TestWithParam<ActivationScheme> {};
INSTANTIATE_TEST_SUITE_P(, FakeQuantActivations, testing::Values(ActivationScheme::A8G32, ActivationScheme::A8T),
                         [](const auto& param) { return std::string(name(param.param)); });

TEST_P(FakeQuantActivations, EqualTheirCodesTimesTheirScalesBitForBit) {
  const std::vector<float> x = inputs();
  const size_t groups = static_cast<size_t>(activation_groups(GetParam(), kK, static_cast<int64_t>(x.size())));
  std::vector<int8_t> codes(x.size());
  std::vector<float> scales(groups), expected(x.size()), out(x.size());
  std::vector<int32_t> sums(groups);
  std::vector<uint8_t> mask(x.size());
  encode_activations(GetParam(), kK, x, codes, scales, sums);
  decode_activations(GetParam(), kK, codes, scales, expected);
  fake_quant(GetParam(), kK, x, out, mask);
  EXPECT_TRUE(same_bits(out, expected));
  EXPECT_EQ(mask, std::vector<uint8_t>(x.size(), 1));
}

TEST(FakeQuantOfActivations, F32IsTheIdentity) {
  const std::vector<float> x = inputs();
  std::vector<float> out(x.size());
  fake_quant(ActivationScheme::F32, kK, x, out);
  EXPECT_TRUE(same_bits(out, x));
}

TEST(FakeQuantOfActivations, RefuseWrongSizesAndNan) {
  std::vector<float> x(96, 1.0f), out(96);
  EXPECT_THROW(fake_quant(ActivationScheme::A8G32, 48, x, out), ArgumentError);
  EXPECT_NO_THROW(fake_quant(ActivationScheme::A8T, 48, x, out));
  x[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(fake_quant(ActivationScheme::A8T, 48, x, out), ArgumentError);
  EXPECT_THROW(fake_quant(ActivationScheme::A8G32, 96, x, out), ArgumentError);
}

}  // namespace
}  // namespace slm
