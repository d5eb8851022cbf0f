// SPDX-License-Identifier: Apache-2.0
// exp_lanes, the exponential inside every vector kernel, over all of float: what kernels/vec/simd_exp.h claims of it.
// The kernels themselves only take it of what is ≤ 0, so it is called directly (exp_<isa>_test.cpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "slm/kernels/isa.h"

namespace slm::emulated {
void exp_avx512vnni(const float* x, int64_t n, float* y);
}

namespace slm::kernels {

void exp_avx2(const float* x, int64_t n, float* y);
void exp_avx512vnni(const float* x, int64_t n, float* y);
void exp_neon_dotprod(const float* x, int64_t n, float* y);

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

struct Tested {
  Isa needs;
  std::string name;
  void (*exp)(const float* x, int64_t n, float* y);
  friend std::ostream& operator<<(std::ostream& out, const Tested& tested) { return out << tested.name; }
};

/// What the plain kernels call: the bounds of the tests beside this one rest on it, too.
void exp_scalar(const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::exp(x[i]);
}

const Tested kTested[] = {
#if defined(__x86_64__)
    {Isa::Avx512Vnni, "avx512vnni", exp_avx512vnni},
    {Isa::Avx2, "avx2", exp_avx2},
#elif defined(__aarch64__)
    {Isa::NeonDotprod, "neon_dotprod", exp_neon_dotprod},
#endif
#if defined(SLM_EMULATED_AVX512)
    {Isa::Avx2, "avx512vnni_emulated", emulated::exp_avx512vnni},
#endif
    {Isa::Scalar, "scalar", exp_scalar}};

class Exp : public testing::TestWithParam<Tested> {
 protected:
  void SetUp() override {
    if (!supported(GetParam().needs)) GTEST_SKIP() << name(GetParam().needs) << " cannot run on this processor";
  }
  /// eˣ for each x.
  static std::vector<float> exp_of(std::vector<float> x) {
    const size_t n = x.size();
    x.resize((n + 15) / 16 * 16);
    std::vector<float> y(x.size());
    GetParam().exp(x.data(), std::ssize(x), y.data());
    y.resize(n);
    return y;
  }
};

/// Spacing of floats at a positive value: 2⁻¹⁴⁹ among the subnormal ones.
double ulp(double value) { return std::ldexp(1.0, std::max(std::ilogb(value), -126) - 23); }

/// Each result within two ulp; infinite just where eˣ rounds to it.
void expect_within_two_ulp(const std::vector<float>& x, const std::vector<float>& y) {
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(static_cast<double>(x[i]));
    if (static_cast<float>(expected) == kInf) {
      EXPECT_EQ(y[i], kInf) << "e^" << x[i];
      continue;
    }
    const double error = std::fabs(static_cast<double>(y[i]) - expected) / (expected == 0.0 ? 0x1p-149 : ulp(expected));
    if (!(error <= 2.0)) ADD_FAILURE() << "e^" << x[i] << " = " << y[i] << ", " << error << " ulp from " << expected;
  }
}

TEST_P(Exp, IsWithinTwoUlpOverAllFiniteFloats) {
  std::vector<float> x;
  for (uint32_t bits = 0; bits < 0x7f800000u; bits += 8191)
    for (const uint32_t sign : {0u, 0x80000000u}) x.push_back(std::bit_cast<float>(bits | sign));
  expect_within_two_ulp(x, exp_of(x));
}

TEST_P(Exp, IsWithinTwoUlpWhereTheResultIsNeitherOneNorZeroNorInfinity) {
  std::vector<float> x;  // 1968 for each binade of results
  for (int i = -105 * 2840; i < 90 * 2840; ++i) x.push_back((static_cast<float>(i) + 0.37f) / 2840.0f);
  expect_within_two_ulp(x, exp_of(x));
}

TEST_P(Exp, IsExactAtItsEnds) {
  const float largest = std::numeric_limits<float>::max(), least = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(exp_of({0.0f, -0.0f, least, -least, 1e-30f, -1e-30f}), std::vector<float>(6, 1.0f));
  EXPECT_EQ(exp_of({kInf, largest, 1e4f, 89.0f, 88.72284f}), std::vector<float>(5, kInf));
  EXPECT_EQ(exp_of({-kInf, -largest, -1e4f, -104.0f}), std::vector<float>(4, 0.0f));
  const std::vector<float> y = exp_of({88.72283f, -103.9f, -87.4f});
  EXPECT_LT(y[0], kInf);
  EXPECT_EQ(y[1], least);
  EXPECT_TRUE(y[2] > 0.0f && !std::isnormal(y[2])) << "no flush to zero";
}

TEST_P(Exp, LetsNanThrough) {
  for (size_t lane = 0; lane < 16; ++lane)
    for (const float nan : {kNan, -kNan, std::bit_cast<float>(0x7fffffffu)}) {
      std::vector<float> x(16, 0.0f);
      x[lane] = nan;
      const std::vector<float> y = exp_of(x);
      for (size_t i = 0; i < 16; ++i) ASSERT_TRUE(i == lane ? std::isnan(y[i]) : y[i] == 1.0f) << i << " of " << lane;
    }
}

INSTANTIATE_TEST_SUITE_P(AllVariants, Exp, testing::ValuesIn(kTested),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace slm::kernels
