// SPDX-License-Identifier: Apache-2.0
// The fast copies of the activation rule: every row of the vec table
// that runs here equals quant/activations bit for bit.
#include <gtest/gtest.h>

#include <cmath>

#include "slm/core/rng.h"
#include "slm/kernels/isa.h"
#include "slm/kernels/vec/variants.h"
#include "slm/quant/activations.h"
#include "tests/quant/golden_file.h"

namespace slm {
namespace {

std::vector<float> inputs() {
  std::vector<float> x = golden_floats("input.f32");
  Rng rng(1);
  for (int i = 0; i < 32 * 300; ++i) x.push_back(rng.normal() * std::exp2(static_cast<float>(i / 32 % 40) - 30.0f));
  for (const float tiny : {0.0f, -0.0f, 1e-45f, 3.0e-37f, -3.0e-37f, 4.0e-37f, 1.2e-38f})
    for (int i = 0; i < 32; ++i) x.push_back(i % 3 == 0 ? tiny : 0.0f);
  for (int i = 0; i < 32; ++i) x.push_back(i == 0 ? 127.0f : static_cast<float>(i) - 15.5f);  // ties
  return x;
}

std::string label(const testing::TestParamInfo<kernels::VecVariant>& param) {
  return std::string(kernels::name(param.param.isa)) + "_" + std::to_string(param.index);
}

class ActivationKernels : public testing::TestWithParam<kernels::VecVariant> {
 protected:
  void SetUp() override {
    if (!kernels::supported(GetParam().isa)) GTEST_SKIP() << kernels::name(GetParam().isa) << " does not run here";
  }
};
INSTANTIATE_TEST_SUITE_P(, ActivationKernels, testing::ValuesIn(kernels::vec_variants()), label);

TEST_P(ActivationKernels, A8G32EqualsTheGridBitForBit) {
  const std::vector<float> x = inputs();
  const size_t groups = x.size() / 32;
  std::vector<int8_t> codes(x.size()), expected_codes(x.size());
  std::vector<float> scales(groups), expected_scales(groups);
  std::vector<int32_t> offsets(groups), expected_sums(groups);
  encode_activations(ActivationScheme::A8G32, 32, x, expected_codes, expected_scales, expected_sums);
  GetParam().quantize_a8g32(x.data(), static_cast<int64_t>(x.size()), codes.data(), scales.data(), offsets.data());
  EXPECT_TRUE(same_bits(scales, expected_scales));
  for (int32_t& sum : expected_sums) sum = kernels::kGroupOffset + kernels::kOffsetPerCode * sum;
  EXPECT_EQ(offsets, expected_sums);
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(codes[i], expected_codes[i]) << i << ": " << x[i];
}

TEST_P(ActivationKernels, A8TEqualsTheGridBitForBitForEveryLength) {
  const std::vector<float> all = inputs();
  for (size_t begin = 0; begin + 100 < all.size(); begin += 1999) {
    for (size_t n = 1; n <= 100; ++n) {
      const std::span<const float> x = std::span(all).subspan(begin, n);
      std::vector<int8_t> codes(n + 1, 99), expected_codes(n);
      float scale = -1.0f, expected_scale = 0.0f;
      int32_t offset = -1, expected_sum = 0;
      encode_activations(ActivationScheme::A8T, static_cast<int64_t>(n), x, expected_codes, {&expected_scale, 1},
                         {&expected_sum, 1});
      GetParam().quantize_a8t(x.data(), static_cast<int64_t>(n), codes.data(), &scale, &offset);
      ASSERT_TRUE(same_bits({&scale, 1}, {&expected_scale, 1})) << n;
      ASSERT_EQ(offset, kernels::kOffsetPerCode * expected_sum) << n;
      ASSERT_EQ(codes[n], 99) << "wrote past the end";
      codes.pop_back();
      ASSERT_EQ(codes, expected_codes) << n;
    }
  }
}

}  // namespace
}  // namespace slm
