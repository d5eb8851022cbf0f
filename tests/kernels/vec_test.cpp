// SPDX-License-Identifier: Apache-2.0
// Vector kernels: every variant against float64 within a few roundings, widening bit for bit.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "slm/core/dtype.h"
#include "tests/kernels/vec_tested.h"
#include "tests/support/bounds.h"

namespace slm::kernels {
namespace {

TEST_P(Vec, RmsNormAgreesWithDouble) {
  for (int64_t n : kSizes)
    for (float magnitude : {1.0f, 1e-12f, 1e18f}) {
      const std::vector<float> x = normals(n, 1, magnitude), w = normals(n, 2);
      std::vector<float> y(static_cast<size_t>(n + 1), kGuard);
      variant().rms_norm(x.data(), w.data(), 1e-6f, n, y.data());
      double squares = 0.0;
      for (size_t i = 0; i < static_cast<size_t>(n); ++i)
        squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      const double inverse = 1.0 / std::sqrt(squares / static_cast<double>(n) + static_cast<double>(1e-6f));
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
        const double expected = static_cast<double>(x[i]) * inverse * static_cast<double>(w[i]);
        ASSERT_NEAR(static_cast<double>(y[i]), expected, bounds::relative(expected, 3.1)) << n << " at " << i;
      }
      ASSERT_EQ(y.back(), kGuard);
      std::vector<float> in_place = x;
      variant().rms_norm(in_place.data(), w.data(), 1e-6f, n, in_place.data());
      ASSERT_EQ(in_place, y);
    }
}

TEST_P(Vec, AddIsExactAndStaysInside) {
  for (int64_t n : kSizes) {
    const std::vector<float> x = normals(n, 3), start = normals(n, 4);
    std::vector<float> y = start;
    variant().add_(x.data(), n, y.data());
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) ASSERT_EQ(y[i], start[i] + x[i]);
    ASSERT_EQ(y.back(), kGuard);
  }
}

TEST_P(Vec, SwigluAgreesWithDouble) {
  // An exponential of 2 ulp is off by 4 roundings at most; a sum, a division and two products make 8. Where e^z is
  // subnormal, 2 ulp of it are 2·2⁻¹⁴⁹, whatever its value.
  for (int64_t n : kSizes)
    for (float magnitude : {1.0f, 8.0f, 40.0f}) {
      const std::vector<float> gate = normals(n, 5, magnitude), up = normals(n, 6);
      std::vector<float> y(static_cast<size_t>(n + 1), kGuard);
      variant().swiglu(gate.data(), up.data(), n, y.data());
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
        const auto z = static_cast<double>(gate[i]);
        const double expected = z / (1.0 + std::exp(-z)) * static_cast<double>(up[i]);
        ASSERT_NEAR(
            static_cast<double>(y[i]), expected,
            bounds::relative(expected, 8.1) + std::fabs(z * static_cast<double>(up[i])) * (z < -87.0 ? 0x1p-148 : 0.0))
            << gate[i] << " · " << up[i];
      }
      ASSERT_EQ(y.back(), kGuard);
      std::vector<float> in_place = gate;
      variant().swiglu(in_place.data(), up.data(), n, in_place.data());
      ASSERT_EQ(in_place, y);
    }
}

TEST_P(Vec, SwigluHandlesTheEndsOfTheRange) {
  const std::vector<float> gate = {0.0f, -0.0f, 200.0f, -200.0f, 3e38f, -3e38f, kInf, kNan, -95.0f, -86.0f};
  const std::vector<float> up(gate.size(), 2.0f);
  std::vector<float> y(gate.size());
  variant().swiglu(gate.data(), up.data(), static_cast<int64_t>(gate.size()), y.data());
  EXPECT_EQ(y[0], 0.0f);
  EXPECT_EQ(y[1], 0.0f);
  EXPECT_EQ(y[2], 400.0f);
  EXPECT_EQ(y[3], 0.0f);
  EXPECT_EQ(y[4], kInf);
  EXPECT_EQ(y[5], 0.0f);
  EXPECT_EQ(y[6], kInf);
  EXPECT_TRUE(std::isnan(y[7]));
  for (size_t i : {8u, 9u}) {  // e⁻⁹⁵ is subnormal: 2 ulp of it are 2⁻¹⁴⁸, times 95·2 here
    const double t = std::exp(static_cast<double>(gate[i])),
                 expected = 2.0 * static_cast<double>(gate[i]) * t / (1.0 + t);
    EXPECT_NEAR(static_cast<double>(y[i]), expected,
                bounds::relative(expected, 8.1) + (i == 8 ? 190.0 * 0x1p-148 : 0.0));
  }
}

TEST_P(Vec, RopeRotatesPairsHalfAHeadApart) {
  for (int64_t half : {1, 3, 4, 8, 12, 16, 20, 32, 40, 64}) {
    const std::vector<float> start = normals(2 * half, 7), angle = normals(half, 8, 3.0f);
    std::vector<float> x = start, cos(angle.size()), sin(angle.size());
    for (size_t i = 0; i < angle.size(); ++i) {
      cos[i] = std::cos(angle[i]);
      sin[i] = std::sin(angle[i]);
    }
    variant().rope(x.data(), cos.data(), sin.data(), half);
    for (size_t i = 0; i < static_cast<size_t>(half); ++i) {
      const float a = start[i], b = start[i + static_cast<size_t>(half)];
      ASSERT_EQ(x[i], a * cos[i] - b * sin[i]) << half << " at " << i;
      ASSERT_EQ(x[i + static_cast<size_t>(half)], b * cos[i] + a * sin[i]) << half << " at " << i;
    }
    ASSERT_EQ(x.back(), kGuard);
  }
}

TEST_P(Vec, LogSumExpAgreesWithDouble) {
  for (int64_t n : {1, 2, 7, 8, 15, 16, 17, 33, 64, 100, 151936})
    for (float magnitude : {1.0f, 10.0f, 60.0f}) {
      const std::vector<float> x = normals(n, 16, magnitude);
      float max;
      double sum;
      variant().max_sum_exp(x.data(), n, &max, &sum);
      float expected_max = x[0];
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) expected_max = std::max(expected_max, x[i]);
      ASSERT_EQ(max, expected_max);
      double expected = 0.0;
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) expected += std::exp(static_cast<double>(x[i] - max));
      // 2 ulp of each exponential: 4 roundings at most. They are added in double.
      ASSERT_NEAR(sum, expected, 4.0 * bounds::kUnit * expected) << n << " · " << magnitude;
    }
}

TEST_P(Vec, LogSumExpCarriesInfinitiesAndNan) {
  const auto log_sum_exp = [this](std::vector<float> x) {
    float max;
    double sum;
    variant().max_sum_exp(x.data(), static_cast<int64_t>(x.size()), &max, &sum);
    return static_cast<double>(max) + std::log(sum);
  };
  EXPECT_EQ(log_sum_exp({-kInf, 5.0f, -kInf}), 5.0);
  EXPECT_EQ(log_sum_exp({-kInf, -kInf}), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(log_sum_exp({1.0f, kInf}), std::numeric_limits<double>::infinity());
  for (size_t at : {0u, 3u, 17u, 39u}) {
    std::vector<float> x(40, 1.0f);
    x[at] = kNan;
    EXPECT_TRUE(std::isnan(log_sum_exp(x))) << at;
  }
  EXPECT_NEAR(log_sum_exp(std::vector<float>(1000, -3e38f)), static_cast<double>(-3e38f), 1e23);
}

TEST_P(Vec, WidensEveryHalfAndBfloatExactly) {
  std::vector<uint16_t> bits(65536);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint16_t>(i);
  std::vector<float> y(bits.size() + 1, kGuard);
  const auto check = [&](float (*expected)(uint16_t)) {
    for (size_t i = 0; i < bits.size(); ++i) {
      const float value = expected(bits[i]);
      if (std::isnan(value)) {
        ASSERT_TRUE(std::isnan(y[i])) << i;
      } else {
        ASSERT_EQ(std::bit_cast<uint32_t>(y[i]), std::bit_cast<uint32_t>(value)) << i;
      }
    }
    ASSERT_EQ(y.back(), kGuard);
  };
  variant().f16_to_f32(bits.data(), 65536, y.data());
  check(slm::f16_to_f32);
  variant().bf16_to_f32(bits.data(), 65536, y.data());
  check(slm::bf16_to_f32);
  for (int64_t n : kSizes) {
    std::vector<float> part(static_cast<size_t>(n + 1), kGuard);
    variant().f16_to_f32(bits.data() + 15000, n, part.data());
    ASSERT_EQ(part[static_cast<size_t>(n - 1)], slm::f16_to_f32(bits[static_cast<size_t>(15000 + n - 1)]));
    ASSERT_EQ(part.back(), kGuard);
  }
}

// Those of vec_quantize_test.cpp, too.
INSTANTIATE_TEST_SUITE_P(AllVariants, Vec, testing::ValuesIn(tested_vec_variants()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace slm::kernels
