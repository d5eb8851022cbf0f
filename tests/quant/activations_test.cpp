// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/activations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "slm/core/check.h"
#include "slm/core/dtype.h"
#include "slm/core/rng.h"

namespace slm {
namespace {

struct Encoded {
  std::vector<int8_t> codes;
  std::vector<float> scales;
  std::vector<int32_t> sums;
};

Encoded encoded(ActivationScheme scheme, int64_t k, std::span<const float> x) {
  const size_t groups = static_cast<size_t>(activation_groups(scheme, k, static_cast<int64_t>(x.size())));
  Encoded e = {std::vector<int8_t>(x.size()), std::vector<float>(groups), std::vector<int32_t>(groups)};
  encode_activations(scheme, k, x, e.codes, e.scales, e.sums);
  return e;
}

TEST(Activations, FollowTheirFormulaFromScratch) {
  Rng rng(1);
  std::vector<float> x(6 * 96);
  for (size_t i = 0; i < x.size(); ++i) x[i] = rng.normal() * std::exp(static_cast<float>(i / 96) - 3.0f);
  for (const ActivationScheme scheme : {ActivationScheme::A8G32, ActivationScheme::A8T}) {
    const Encoded e = encoded(scheme, 96, x);
    const size_t group = scheme == ActivationScheme::A8T ? 96 : 32;
    ASSERT_EQ(e.scales.size(), x.size() / group);
    for (size_t g = 0; g < e.scales.size(); ++g) {
      float largest = 0.0f;
      for (size_t i = 0; i < group; ++i) largest = std::max(largest, std::abs(x[g * group + i]));
      const float d = largest / 127.0f;
      EXPECT_EQ(e.scales[g], scheme == ActivationScheme::A8T ? d : f16_to_f32(f32_to_f16(d)));
      int32_t sum = 0;
      for (size_t i = g * group; i < (g + 1) * group; ++i) {
        EXPECT_EQ(e.codes[i], static_cast<int>(std::nearbyint(x[i] * (127.0f / largest))));
        sum += e.codes[i];
      }
      EXPECT_EQ(e.sums[g], sum);
    }
  }
}

TEST(Activations, RoundHalfToEvenAndReachBothEnds) {
  std::vector<float> x(32, 0.0f);
  const float values[] = {127.0f, -127.0f, 0.5f, 1.5f, -0.5f, -1.5f, 2.5f};
  const int codes[] = {127, -127, 0, 2, 0, -2, 2};
  std::copy(std::begin(values), std::end(values), x.begin());
  for (const ActivationScheme scheme : {ActivationScheme::A8G32, ActivationScheme::A8T}) {
    const Encoded e = encoded(scheme, 32, x);
    for (size_t i = 0; i < std::size(codes); ++i) EXPECT_EQ(e.codes[i], codes[i]) << values[i];
    EXPECT_EQ(e.sums[0], 2);
  }
}

TEST(Activations, ZerosAndTheTiniestGroupsHaveZeroCodes) {
  for (const float value : {0.0f, -0.0f, 1e-45f, 3.0e-37f, -1e-38f}) {
    for (const ActivationScheme scheme : {ActivationScheme::A8G32, ActivationScheme::A8T}) {
      const Encoded e = encoded(scheme, 32, std::vector<float>(32, value));
      EXPECT_EQ(e.codes, std::vector<int8_t>(32)) << value;
      EXPECT_EQ(e.sums[0], 0);
    }
  }
  EXPECT_EQ(encoded(ActivationScheme::A8T, 32, std::vector<float>(32, 4.0e-37f)).codes[0], 127);
}

TEST(Activations, RefuseWhatHasNoCodes) {
  std::vector<float> x(64, 1.0f);
  EXPECT_THROW(activation_groups(ActivationScheme::F32, 32, 64), ArgumentError);
  EXPECT_THROW(activation_groups(ActivationScheme::A8G32, 33, 66), ArgumentError);
  EXPECT_THROW(activation_groups(ActivationScheme::A8T, 0, 0), ArgumentError);
  EXPECT_THROW(activation_groups(ActivationScheme::A8T, 60, 64), ArgumentError);
  std::vector<int8_t> codes(64);
  std::vector<float> scales(2);
  std::vector<int32_t> sums(2);
  const auto encode_x = [&] { encode_activations(ActivationScheme::A8G32, 32, x, codes, scales, sums); };
  EXPECT_NO_THROW(encode_x());
  x[50] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(encode_x(), ArgumentError);
  x[50] = 127.0f * 65520.0f;
  EXPECT_THROW(encode_x(), ArgumentError);
  x[50] = 1.0f;
  sums.resize(1);
  EXPECT_THROW(encode_x(), ArgumentError);
  EXPECT_THROW(decode_activations(ActivationScheme::A8T, 64, codes, scales, x), ArgumentError);
}

}  // namespace
}  // namespace slm
