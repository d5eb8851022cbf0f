// SPDX-License-Identifier: Apache-2.0
// Vector kernels that quantize activations: every variant bit for bit as the rule says (instantiated in vec_test.cpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "slm/core/dtype.h"
#include "tests/kernels/vec_tested.h"

namespace slm::kernels {
namespace {

/// The stated rule, in one place of the test.
void expect_codes(const float* x, int64_t n, const int8_t* codes, int32_t offset, int32_t begin) {
  float amax = 0.0f;
  for (int64_t i = 0; i < n; ++i) amax = std::max(amax, std::fabs(x[i]));
  const float inverse = amax == 0.0f ? 0.0f : 127.0f / amax;
  int32_t expected_sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float product = x[i] * inverse;
    const double below = std::floor(static_cast<double>(product)), rest = static_cast<double>(product) - below;
    const bool up = rest > 0.5 || (rest == 0.5 && std::fmod(below, 2.0) != 0.0);
    const auto expected = static_cast<int32_t>(below) + (up ? 1 : 0);
    ASSERT_EQ(static_cast<int32_t>(codes[i]), expected) << x[i] << " · " << inverse << " at " << i;
    ASSERT_LE(std::abs(expected), 127);
    expected_sum += expected;
  }
  ASSERT_EQ(offset, begin + kOffsetPerCode * expected_sum);
}

float amax_of(const float* x, int64_t n) {
  float amax = 0.0f;
  for (int64_t i = 0; i < n; ++i) amax = std::max(amax, std::fabs(x[i]));
  return amax;
}

/// Rows with ties: amax 127 makes every half a tie.
std::vector<float> ties(int64_t n) {
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<int>(i * 37 % 253) - 126) + 0.5f;
  x[0] = -127.0f;
  x.push_back(kGuard);
  return x;
}

TEST_P(Vec, QuantizesPer32BitForBit) {
  for (int64_t n : {32, 64, 896, 4864})
    for (const std::vector<float>& x :
         {normals(n, 9), normals(n, 10, 1e-7f), normals(n, 11, 3e6f), normals(n, 12, 1e-34f), ties(n)}) {
      std::vector<int8_t> codes(static_cast<size_t>(n + 1), 99);
      std::vector<float> scales(static_cast<size_t>(n / 32 + 1), kGuard);
      std::vector<int32_t> offsets(static_cast<size_t>(n / 32 + 1), 4321);
      variant().quantize_a8g32(x.data(), n, codes.data(), scales.data(), offsets.data());
      for (int64_t g = 0; g < n / 32; ++g) {
        ASSERT_EQ(scales[static_cast<size_t>(g)], f16_to_f32(f32_to_f16(amax_of(x.data() + 32 * g, 32) / 127.0f)));
        expect_codes(x.data() + 32 * g, 32, codes.data() + 32 * g, offsets[static_cast<size_t>(g)], kGroupOffset);
      }
      ASSERT_EQ(codes.back(), 99);
      ASSERT_EQ(scales.back(), kGuard);
      ASSERT_EQ(offsets.back(), 4321);
    }
}

TEST_P(Vec, QuantizesPerTokenBitForBit) {
  for (int64_t n : kSizes)
    for (const std::vector<float>& x : {normals(n, 13), normals(n, 14, 1e-30f), normals(n, 15, 1e36f), ties(n)}) {
      std::vector<int8_t> codes(static_cast<size_t>(n + 1), 99);
      float scale = kGuard;
      int32_t offset = 4321;
      variant().quantize_a8t(x.data(), n, codes.data(), &scale, &offset);
      ASSERT_EQ(scale, amax_of(x.data(), n) / 127.0f);
      expect_codes(x.data(), n, codes.data(), offset, 0);
      ASSERT_EQ(codes.back(), 99);
    }
}

TEST_P(Vec, QuantizesZerosTinyAndBrokenRowsToZeroCodes) {
  struct Case {
    float value, group_scale, row_scale;
  };
  const Case cases[] = {{0.0f, 0.0f, 0.0f},
                        {-0.0f, 0.0f, 0.0f},
                        {1e-40f, 0.0f, 1e-40f / 127.0f},
                        {-1e-37f, 0.0f, 1e-37f / 127.0f},
                        {kInf, kInf, kInf},
                        {-kInf, kInf, kInf},
                        {kNan, kNan, kNan},
                        {-kNan, kNan, kNan}};
  for (const Case& c : cases)
    for (size_t at : {0u, 5u, 31u}) {
      std::vector<float> x(32, 0.0f);
      if (!std::isfinite(c.value)) x.assign(32, 3.0f);
      x[at] = c.value;
      std::vector<int8_t> codes(32, 99);
      float scale = kGuard;
      int32_t offset = 4321;
      const auto same = [](float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); };
      variant().quantize_a8g32(x.data(), 32, codes.data(), &scale, &offset);
      EXPECT_TRUE(same(scale, c.group_scale)) << scale << " for " << c.value;
      EXPECT_EQ(codes, std::vector<int8_t>(32, 0));
      EXPECT_EQ(offset, kGroupOffset);
      codes.assign(32, 99);
      variant().quantize_a8t(x.data(), 32, codes.data(), &scale, &offset);
      EXPECT_TRUE(same(scale, c.row_scale)) << scale << " for " << c.value;
      EXPECT_EQ(codes, std::vector<int8_t>(32, 0));
      EXPECT_EQ(offset, 0);
    }
}

TEST_P(Vec, OneBrokenValueAnywhereMakesATokenZeroCodes) {
  for (const int64_t n : {1, 31, 33, 64, 95, 897})
    for (const int64_t at : {int64_t{0}, n / 2, n / 32 * 32 - 1, n / 32 * 32, n - 1})
      for (const float bad : {kInf, -kInf, kNan}) {
        if (at < 0 || at >= n) continue;
        std::vector<float> x = normals(n, 17);
        x[static_cast<size_t>(at)] = bad;
        std::vector<int8_t> codes(static_cast<size_t>(n), 99);
        float scale = kGuard;
        int32_t offset = 4321;
        variant().quantize_a8t(x.data(), n, codes.data(), &scale, &offset);
        EXPECT_TRUE(std::isnan(bad) ? std::isnan(scale) : scale == kInf) << scale << " for " << bad << " at " << at;
        EXPECT_EQ(codes, std::vector<int8_t>(codes.size(), 0)) << bad << " at " << at << " of " << n;
        EXPECT_EQ(offset, 0);
      }
}

TEST_P(Vec, QuantizesTheLargestFloats) {
  std::vector<float> x(32, 1.0f);
  x[3] = -std::numeric_limits<float>::max();
  std::vector<int8_t> codes(32, 99);
  float scale;
  int32_t offset;
  variant().quantize_a8t(x.data(), 32, codes.data(), &scale, &offset);
  EXPECT_EQ(scale, std::numeric_limits<float>::max() / 127.0f);
  EXPECT_EQ(codes[3], -127);
  EXPECT_EQ(offset, kOffsetPerCode * -127);
  variant().quantize_a8g32(x.data(), 32, codes.data(), &scale, &offset);
  EXPECT_EQ(scale, kInf) << "beyond half's range, and visible as such";
  EXPECT_EQ(codes[3], -127);
  EXPECT_EQ(offset, kGroupOffset + kOffsetPerCode * -127);
}

}  // namespace
}  // namespace slm::kernels
