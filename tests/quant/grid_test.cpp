// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/grid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "slm/core/dtype.h"
#include "slm/core/rng.h"

namespace slm {
namespace {

constexpr Grid kSignedMax = {.range = Range::SignedMax},
               kFloatMinimum = {.kind = GridKind::FloatMinimum, .range = Range::MinMax};

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr Grid kGguf[] = {kGridQ4_0, kGridQ4_1, kGridQ8_0, kGridW8C, kGridA8G32, kGridA8T};

std::vector<float> normals(size_t n, uint64_t seed, float scale = 1.0f) {
  Rng rng(seed);
  std::vector<float> x(n);
  for (float& v : x) v = scale * rng.normal();
  return x;
}

/// Quotients worth asking about: halves, their neighbours, whole numbers, wild ones.
std::vector<float> quotients() {
  std::vector<float> t;
  for (int i = -300; i <= 300; ++i) {
    const float half = 0.5f * static_cast<float>(i);
    t.insert(t.end(), {half, std::nextafter(half, kInf), std::nextafter(half, -kInf)});
  }
  const std::vector<float> random = normals(2000, 3, 40.0f);
  t.insert(t.end(), random.begin(), random.end());
  return t;
}

TEST(Grid, HalfToEvenIsNearbyint) {
  for (const float t : quotients())
    EXPECT_EQ(detail::round_quotient(Rounding::HalfToEven, -8, t), std::nearbyint(t)) << t;
}

TEST(Grid, HalfAwayFromZeroIsRoundf) {
  for (const float t : quotients())
    EXPECT_EQ(detail::round_quotient(Rounding::HalfAwayFromZero, -8, t), std::round(t)) << t;
}

TEST(Grid, TruncateShiftedIsTruncOfTheRoundedSum) {
  for (const float t : quotients()) {
    EXPECT_EQ(detail::round_quotient(Rounding::TruncateShifted, -8, t), std::trunc(t + 8.5f) - 8) << t;
    EXPECT_EQ(detail::round_quotient(Rounding::TruncateShifted, 0, t), std::trunc(t + 0.5f)) << t;
  }
  // Two roundings: the float below one half, plus 8.5, is 9 already.
  EXPECT_EQ(detail::round_quotient(Rounding::TruncateShifted, -8, std::nextafter(0.5f, 0.0f)), 1);
}

TEST(Grid, WildQuotientsAreOutOfEveryRangeAndDefined) {
  for (const Rounding rounding : {Rounding::HalfToEven, Rounding::HalfAwayFromZero, Rounding::TruncateShifted}) {
    EXPECT_EQ(detail::round_quotient(rounding, 0, kInf), 1 << 22);
    EXPECT_LT(detail::round_quotient(rounding, 0, -kInf), -(1 << 22) + 2);
    EXPECT_EQ(detail::round_quotient(rounding, 0, 3e38f), 1 << 22);
    EXPECT_GT(std::abs(detail::round_quotient(rounding, 0, kNan)), 255);
  }
}

TEST(Grid, SignedMaxTakesTheFirstOfEqualMagnitudes) {
  std::vector<float> x(32, 0.25f);
  x[5] = -4.0f;
  x[9] = 4.0f;
  EXPECT_EQ(find_params(kGridQ4_0, x).scale, 0.5f);
  std::swap(x[5], x[9]);
  EXPECT_EQ(find_params(kGridQ4_0, x).scale, -0.5f);
  x[9] = 1.0f;
  EXPECT_EQ(find_params(kGridQ4_0, x).scale, -0.5f);
}

TEST(Grid, SignedMaxClipsOnlyTheOtherExtreme) {
  std::vector<float> x(32, 0.0f);
  x[0] = -8.0f;
  x[1] = 8.0f;
  x[2] = 7.4f;
  const GridParams params = find_params(kGridQ4_0, x);
  EXPECT_EQ(unclamped_code(kGridQ4_0, params, x[0]), -8);
  EXPECT_EQ(unclamped_code(kGridQ4_0, params, x[1]), 8);
  EXPECT_FALSE(in_range(kGridQ4_0, 8));
  EXPECT_EQ(encode(kGridQ4_0, params, x[1]), 7);
  EXPECT_EQ(encode(kGridQ4_0, params, x[2]), 7);
}

TEST(Grid, EncodesWithTheUnroundedInverseAndDecodesWithTheStoredScale) {
  std::vector<float> x = normals(32, 4);
  const GridParams params = find_params(kGridQ8_0, x);
  float largest = 0.0f;
  for (const float v : x) largest = std::max(largest, std::abs(v));
  EXPECT_EQ(params.inverse, 1.0f / (largest / 127.0f));
  EXPECT_EQ(params.scale, f16_to_f32(f32_to_f16(largest / 127.0f)));
  EXPECT_NE(params.inverse, 1.0f / params.scale);
  EXPECT_EQ(find_params(kGridA8G32, x).inverse, 127.0f / largest);
  EXPECT_EQ(find_params(kGridA8G32, x).scale, params.scale);
  EXPECT_EQ(find_params(kGridA8T, x).scale, largest / 127.0f);
}

TEST(Grid, FloatMinimumSpansMinToMax) {
  std::vector<float> x = normals(32, 5);
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const GridParams params = find_params(kGridQ4_1, x);
  EXPECT_EQ(params.encode_minimum, *low);
  EXPECT_EQ(params.minimum, f16_to_f32(f32_to_f16(*low)));
  EXPECT_EQ(encode(kGridQ4_1, params, *low), 0);
  EXPECT_EQ(encode(kGridQ4_1, params, *high), 15);
  EXPECT_EQ(decode(kGridQ4_1, params, 15), params.scale * 15.0f + params.minimum);
}

TEST(Grid, IntegerZeroKeepsZeroExactAndCoversTheRange) {
  for (int bits = 2; bits <= 8; ++bits) {
    const Grid grid = integer_zero_grid(bits);
    EXPECT_EQ(grid.qmax - grid.qmin, (1 << bits) - 1);
    for (const float shift : {0.0f, 1.0f, -3.0f, 20.0f, -20.0f}) {
      std::vector<float> x = normals(64, static_cast<uint64_t>(bits));
      for (float& v : x) v += shift;
      const GridParams params = find_params(grid, x);
      ASSERT_TRUE(in_range(grid, params.zero));
      EXPECT_EQ(encode(grid, params, 0.0f), params.zero);
      EXPECT_EQ(decode(grid, params, params.zero), 0.0f);
      for (const float v : x) {  // nudging the zero point moves the range by half a step at most
        EXPECT_LE(std::abs(decode(grid, params, encode(grid, params, v)) - v), params.scale * 1.001f)
            << bits << " " << v;
      }
    }
  }
}

TEST(Grid, IntegerZeroMatchesItsFormula) {
  const Grid grid = integer_zero_grid(8);
  const std::vector<float> x = {-1.0f, 0.3f, 2.0f};
  const GridParams params = find_params(grid, x);
  EXPECT_EQ(params.scale, 3.0f / 255.0f);
  EXPECT_EQ(params.zero, -128 + 85);
  EXPECT_EQ(encode(grid, params, 0.3f), static_cast<int>(std::nearbyint(0.3f * 85.0f)) + params.zero);
  EXPECT_EQ(encode(grid, params, 99.0f), 127);
  EXPECT_EQ(encode(grid, params, -99.0f), -128);
}

TEST(Grid, ErrorIsAtMostHalfAStepForEveryWidth) {
  for (int bits = 2; bits <= 8; ++bits) {
    const std::vector<float> x = normals(128, static_cast<uint64_t>(100 + bits));
    for (const Grid& grid : {symmetric_grid(bits), with_bits(kFloatMinimum, bits)}) {
      const GridParams params = find_params(grid, x);
      for (const float v : x) {
        const int32_t code = encode(grid, params, v);
        EXPECT_TRUE(in_range(grid, code));
        EXPECT_LE(std::abs(decode(grid, params, code) - v), 0.5001f * params.scale) << bits << " bits, " << v;
      }
    }
    const Grid signed_grid = with_bits(kSignedMax, bits);
    const GridParams params = find_params(signed_grid, x);
    for (const float v : x) {
      const int32_t code = unclamped_code(signed_grid, params, v);
      const float step = std::abs(params.scale);
      EXPECT_LE(std::abs(decode(signed_grid, params, clamp_code(signed_grid, code)) - v),
                in_range(signed_grid, code) ? 0.5001f * step : 1.0001f * step);
    }
  }
}

TEST(Grid, SymmetricGridsHaveNoLowestCode) {
  EXPECT_EQ(symmetric_grid(8).qmin, -127);
  EXPECT_EQ(symmetric_grid(2).qmax, 1);
  EXPECT_EQ(with_bits(kSignedMax, 3).qmin, -4);
  EXPECT_EQ(with_bits(kFloatMinimum, 8).qmax, 255);
  for (const int bits : {1, 9, 0, -1, 32}) {
    EXPECT_THROW(symmetric_grid(bits), ArgumentError);
    EXPECT_THROW(with_bits(kSignedMax, bits), ArgumentError);
    EXPECT_THROW(integer_zero_grid(bits), ArgumentError);
    EXPECT_THROW(with_bits(kFloatMinimum, bits), ArgumentError);
  }
}

TEST(Grid, ZerosEncodeAndDecodeToZero) {
  const std::vector<float> zeros(32, 0.0f);
  for (const Grid& grid : kGguf) {
    const GridParams params = find_params(grid, zeros);
    EXPECT_EQ(params.scale, 0.0f);
    EXPECT_EQ(params.inverse, 0.0f);
    EXPECT_EQ(encode(grid, params, 0.0f), 0);
    EXPECT_EQ(decode(grid, params, 0), 0.0f);
  }
  const GridParams params = find_params(integer_zero_grid(4), zeros);
  EXPECT_EQ(decode(integer_zero_grid(4), params, encode(integer_zero_grid(4), params, 0.0f)), 0.0f);
}

TEST(Grid, ConstantGroupsAreExactUpToTheStorage) {
  for (const float c : {0.5f, -3.0f, 1000.0f}) {  // exact in a half, and so are c/8
    const std::vector<float> x(32, c);
    for (const Grid& grid : {kGridQ4_0, kGridQ4_1}) {
      const GridParams params = find_params(grid, x);
      EXPECT_EQ(decode(grid, params, encode(grid, params, c)), c);
    }
    const GridParams params = find_params(kGridW8C, x);
    EXPECT_NEAR(decode(kGridW8C, params, encode(kGridW8C, params, c)), c, std::abs(c) * 1e-6f);
    EXPECT_EQ(find_params(kGridQ4_1, x).scale, 0.0f);
  }
}

TEST(Grid, ScalesTooSmallToInvertEncodeAsZero) {
  const std::vector<float> x(32, 1e-44f);
  for (const Grid& grid : kGguf) {
    const GridParams params = find_params(grid, x);
    EXPECT_TRUE(std::isfinite(params.inverse));
    EXPECT_EQ(encode(grid, params, x[0]), 0);
  }
}

TEST(Grid, RefusesWhatIsNotFiniteAndSaysWhere) {
  for (const float bad : {kInf, -kInf, kNan, -kNan}) {
    for (const size_t place : {0u, 7u, 31u}) {
      std::vector<float> x = normals(32, 6);
      x[place] = bad;
      for (const Grid& grid : kGguf) EXPECT_THROW(find_params(grid, x), ArgumentError) << bad;
      EXPECT_THROW(find_params(integer_zero_grid(8), x), ArgumentError);
      try {
        find_params(kGridQ4_1, x);
      } catch (const ArgumentError& error) {
        EXPECT_NE(std::string(error.what()).find(fmt::format("value {} of", place)), std::string::npos) << error.what();
      }
    }
  }
  EXPECT_THROW(find_params(kGridQ8_0, {}), ArgumentError);
}

TEST(Grid, RefusesAScaleThatOverflowsItsHalf) {
  std::vector<float> x(32, 1.0f);
  x[3] = 127.0f * 65504.0f;
  EXPECT_EQ(find_params(kGridQ8_0, x).scale, 65504.0f);
  x[3] = 127.0f * 65520.0f;
  EXPECT_THROW(find_params(kGridQ8_0, x), ArgumentError);
  EXPECT_THROW(find_params(kGridA8G32, x), ArgumentError);
  EXPECT_NO_THROW(find_params(kGridA8T, x));
  x[3] = 8.0f * 65520.0f;
  EXPECT_THROW(find_params(kGridQ4_0, x), ArgumentError);
  x[3] = -65520.0f;  // the minimum overflows, the scale does not
  EXPECT_THROW(find_params(kGridQ4_1, x), ArgumentError);
  x[3] = -3e38f;
  x[4] = 3e38f;  // the range overflows float32
  EXPECT_THROW(find_params(with_bits(kFloatMinimum, 4), x), ArgumentError);
  EXPECT_THROW(find_params(integer_zero_grid(4), x), ArgumentError);
}

TEST(Grid, GivenParamsStoreThenInvert) {
  const GridParams params = given_params(kGridQ4_0, -0.1f);
  EXPECT_EQ(params.scale, f16_to_f32(f32_to_f16(-0.1f)));
  EXPECT_EQ(params.inverse, 1.0f / params.scale);
  EXPECT_EQ(encode(kGridQ4_0, params, 0.31f), -3);
  EXPECT_EQ(unclamped_code(kGridQ4_0, params, -1.0f), 10);

  const GridParams asymmetric = given_params(kGridQ4_1, 0.25f, -1.0f);
  EXPECT_EQ(encode(kGridQ4_1, asymmetric, 0.0f), 4);
  EXPECT_EQ(decode(kGridQ4_1, asymmetric, 4), 0.0f);

  const Grid affine = integer_zero_grid(8);
  EXPECT_EQ(encode(affine, given_params(affine, 0.5f, 0.0f, -100), 2.0f), -96);
  EXPECT_THROW(given_params(affine, 0.5f, 0.0f, 128), ArgumentError);
  EXPECT_THROW(given_params(kGridQ4_0, 1e6f), ArgumentError);
  EXPECT_THROW(given_params(kGridW8C, kNan), ArgumentError);
  EXPECT_THROW(given_params(kGridQ4_1, 1.0f, 1e6f), ArgumentError);
}

TEST(Grid, SpansEqualSingleValuesForEveryCodeType) {
  const std::vector<float> x = normals(77, 8);
  for (const Grid& grid : kGguf) {
    const GridParams params = find_params(grid, x);
    std::vector<int8_t> narrow(x.size());
    std::vector<int32_t> wide(x.size());
    std::vector<float> values(x.size());
    encode(grid, params, x, std::span<int8_t>(narrow));
    encode(grid, params, x, std::span<int32_t>(wide));
    decode(grid, params, std::span<const int8_t>(narrow), values);
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(narrow[i], encode(grid, params, x[i]));
      EXPECT_EQ(wide[i], narrow[i]);
      EXPECT_EQ(values[i], decode(grid, params, wide[i]));
    }
    EXPECT_THROW(encode(grid, params, x, std::span<int8_t>(narrow).first(5)), ArgumentError);
    EXPECT_THROW(decode(grid, params, std::span<const int8_t>(narrow).first(5), values), ArgumentError);
  }
}

}  // namespace
}  // namespace slm
