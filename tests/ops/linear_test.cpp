// SPDX-License-Identifier: Apache-2.0
// N4: a linear on packed weights = the float product of the quantizer's x̂ and Ŵ, within the bound of its roundings.
#include "slm/ops/linear.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "slm/core/finite.h"
#include "slm/core/rng.h"
#include "slm/kernels/vec/variants.h"
#include "slm/quant/fake_quant.h"
#include "tests/support/bounds.h"
#include "tests/support/expect_error.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

struct Problem {
  int64_t m, n, k;
  std::vector<float> x, w, bias;
  Problem(int64_t m_, int64_t n_, int64_t k_)
      : m(m_), n(n_), k(k_), x(fill(m * k, 1)), w(fill(n * k, 2)), bias(fill(n, 3)) {}
  static std::vector<float> fill(int64_t count, uint64_t seed) {
    Rng rng(seed);
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = rng.normal();
    return values;
  }
  MatrixSource source() const {
    Tensor t = Tensor::zeros(Dtype::F32, {n, k});
    std::copy(w.begin(), w.end(), t.mutable_as<float>().begin());
    return {.tensor = t};
  }
};

std::vector<float> run(const Problem& p, WeightScheme scheme) {
  const MatrixSource source = p.source();
  const PackedMatrix packed = pack(scheme, std::span(&source, 1));
  LinearInput input(kernels::select(kernels::vec_variants()), p.m, p.k);
  input.set({p.x.data(), p.m, p.k, p.k});
  std::vector<float> y(static_cast<size_t>(p.m * p.n), -1e30f);
  linear_into(input, packed, p.bias, {y.data(), p.m, p.n, p.n});
  return y;
}

class LinearScheme : public testing::TestWithParam<WeightSchemeInfo> {};

TEST_P(LinearScheme, EqualsTheFloatProductOfWhatTheQuantizerMade) {
  for (const auto& [m, n, groups] : {std::tuple{1, 40, 3}, {5, 33, 2}, {70, 130, 8}}) {
    const int64_t k = groups * std::max(32, GetParam().group);
    const Problem p(m, n, k);
    std::vector<float> x = p.x, w(p.w.size());
    fake_quant(GetParam().scheme, k, p.w, w);
    if (GetParam().activations != ActivationScheme::F32) fake_quant(GetParam().activations, k, p.x, x);
    const std::vector<float> y = run(p, GetParam().scheme);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = static_cast<double>(p.bias[static_cast<size_t>(j)]), magnitude = std::abs(sum);
        for (int64_t l = 0; l < k; ++l) {
          const double product = static_cast<double>(x[static_cast<size_t>(i * k + l)]) *
                                 static_cast<double>(w[static_cast<size_t>(j * k + l)]);
          sum += product;
          magnitude += std::abs(product);
        }
        ASSERT_NEAR(static_cast<double>(y[static_cast<size_t>(i * n + j)]), sum, bounds::dot(k, magnitude, 4))
            << i << ' ' << j;
      }
  }
}

TEST_P(LinearScheme, GivesTheSameBitsForAnyThreadsAndRows) {
  const Problem p(9, 100, 128);
  const auto run_on = [&](int count) {
    const test::ScopedThreads threads(count);
    return run(p, GetParam().scheme);
  };
  const std::vector<float> one = run_on(1);
  EXPECT_EQ(run_on(3), one);
  Problem row(1, 100, 128);
  row.x.assign(p.x.begin() + 4 * 128, p.x.begin() + 5 * 128);
  EXPECT_EQ(run(row, GetParam().scheme), std::vector<float>(one.begin() + 400, one.begin() + 500));
}

INSTANTIATE_TEST_SUITE_P(, LinearScheme, testing::ValuesIn(all_weight_schemes().begin(), all_weight_schemes().end()),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(Linear, FakeQuantizedInputsAreTheQuantizersValues) {
  const Problem p(3, 1, 64);
  LinearInput input(kernels::select(kernels::vec_variants()), 3, 64);
  for (const ActivationScheme scheme : {ActivationScheme::A8G32, ActivationScheme::A8T}) {
    std::vector<float> expected(p.x.size());
    fake_quant(scheme, 64, p.x, expected);
    input.set({p.x.data(), 3, 64, 64});
    const ConstMatrixView actual = input.fake_quantized(scheme);
    EXPECT_EQ(std::vector<float>(actual.data, actual.data + 3 * 64), expected);
  }
}

/// Inputs to the normal values of Problem: many of them clip.
const GridParams kNarrow = find_params(kGridA8S, std::array{-0.5f, 1.25f});

TEST(Linear, StaticInputsAreTheGridsCodes) {
  const Problem p(3, 1, 64);
  LinearInput input(kernels::select(kernels::vec_variants()), 3, 64);
  input.set({p.x.data(), 3, 64, 64});
  for (const ActivationScheme layout : {ActivationScheme::A8G32, ActivationScheme::A8T}) {
    input.quantized(layout);  // what was made before, dynamic or by other parameters, is not taken for it
    input.quantized(layout, given_params(kGridA8S, 0.5f));
    const QuantizedRows& rows = input.quantized(layout, kNarrow);
    const size_t group = layout == ActivationScheme::A8G32 ? 32 : 64;
    int clipped = 0;
    for (size_t g = 0; g < p.x.size() / group; ++g) {
      int32_t sum = 0;
      for (size_t i = g * group; i < (g + 1) * group; ++i) {
        const float quotient = std::rint(p.x[i] * kNarrow.inverse) + static_cast<float>(kNarrow.zero);
        ASSERT_EQ(static_cast<float>(rows.codes[i]), std::clamp(quotient, -127.0f, 127.0f)) << i;
        clipped += std::abs(quotient) > 127.0f ? 1 : 0;
        sum += rows.codes[i];
      }
      EXPECT_EQ(rows.offsets[g], (group == 32 ? kernels::kGroupOffset : 0) + kernels::kOffsetPerCode * sum);
      EXPECT_EQ(rows.scales[g], kNarrow.scale);
    }
    EXPECT_GT(clipped, 20);
    std::vector<float> dynamic(p.x.size());
    fake_quant(layout, 64, p.x, dynamic);
    const ConstMatrixView again = input.fake_quantized(layout);
    EXPECT_EQ(std::vector<float>(again.data, again.data + 3 * 64), dynamic) << "static codes are not taken for it";
  }
}

TEST(Linear, StaticInputsWithTheirZeroCorrectionEqualTheFloatProduct) {
  for (const WeightScheme scheme :
       {WeightScheme::W8C, WeightScheme::W8G32, WeightScheme::W4G32, WeightScheme::W4G32A}) {
    const Problem p(5, 33, 128);
    std::vector<float> x(p.x.size()), w(p.w.size()), bias = p.bias, y(static_cast<size_t>(p.m * p.n));
    fake_quant(kGridA8S, kNarrow, p.x, x);
    fake_quant(scheme, p.k, p.w, w);
    const MatrixSource source = p.source();
    const PackedMatrix packed = pack(scheme, std::span(&source, 1));
    LinearInput input(kernels::select(kernels::vec_variants()), p.m, p.k);
    input.set({p.x.data(), p.m, p.k, p.k});
    add_zero_correction_(packed, kNarrow, bias);
    linear_into(input, packed, bias, {y.data(), p.m, p.n, p.n}, kNarrow);
    const double shift = 2.0 * std::abs(static_cast<double>(kNarrow.scale) * kNarrow.zero);
    for (int64_t i = 0; i < p.m; ++i)
      for (int64_t j = 0; j < p.n; ++j) {
        double sum = static_cast<double>(p.bias[static_cast<size_t>(j)]), magnitude = std::abs(sum);
        for (int64_t l = 0; l < p.k; ++l) {
          const double value = static_cast<double>(x[static_cast<size_t>(i * p.k + l)]),
                       weight = static_cast<double>(w[static_cast<size_t>(j * p.k + l)]);
          sum += value * weight;
          magnitude += (std::abs(value) + shift) * std::abs(weight);  // the kernel sums code·ŵ, not (code − zero)·ŵ
        }
        ASSERT_NEAR(static_cast<double>(y[static_cast<size_t>(i * p.n + j)]), sum, bounds::dot(p.k, magnitude, 4))
            << name(scheme) << ' ' << i << ' ' << j;
      }
  }
}

TEST(Linear, RefusesStaticInputsItCannotUse) {
  const Problem p(2, 8, 32);
  const MatrixSource source = p.source();
  const PackedMatrix floats = pack(WeightScheme::F32, std::span(&source, 1)),
                     codes = pack(WeightScheme::W8C, std::span(&source, 1));
  LinearInput input(kernels::select(kernels::vec_variants()), 2, 40);
  input.set({p.x.data(), 2, 32, 32});
  std::vector<float> y(16), bias(8);
  EXPECT_THROW(linear_into(input, floats, {}, {y.data(), 2, 8, 8}, kNarrow), ArgumentError);
  EXPECT_THROW(input.quantized(ActivationScheme::F32, kNarrow), ArgumentError);
  EXPECT_THROW(add_zero_correction_(codes, kNarrow, std::span(bias).first(7)), ArgumentError);
  std::vector<float> wide(80);
  input.set({wide.data(), 2, 40, 40});
  EXPECT_THROW(input.quantized(ActivationScheme::A8G32, kNarrow), ArgumentError);
}

TEST(Linear, RefusesAZeroCorrectionThatIsNoFloat) {
  const std::vector<float> row(64, 2.0f);
  EXPECT_EQ(zero_corrected(1.0f, row, given_params(kGridA8S, 0.5f, 0.0f, 3)), -191.0f);
  const GridParams wide = given_params(kGridA8S, 3e38f, 0.0f, 127);
  expect_error<NotFiniteError>([&] { zero_corrected(1.0f, row, wide); }, {"[linear]", "scale 3e+38", "zero point 127"});

  const Problem p(1, 33, 32);
  const MatrixSource source = p.source();
  const PackedMatrix packed = pack(WeightScheme::W8C, std::span(&source, 1));
  std::vector<float> bias = p.bias;
  expect_error<NotFiniteError>([&] { add_zero_correction_(packed, wide, bias); }, {"scale 3e+38", "zero point 127"});
}

TEST(Linear, RefusesGroupsThatAreNotWholeAndRowsThatAreTooLong) {
  const Problem p(2, 1, 40);
  LinearInput input(kernels::select(kernels::vec_variants()), 2, 40);
  input.set({p.x.data(), 2, 40, 40});
  EXPECT_THROW(input.quantized(ActivationScheme::A8G32), ArgumentError);
  const std::vector<float> longest(kernels::kMaxQ8cDepth + 1, 1.0f);
  LinearInput deep(kernels::select(kernels::vec_variants()), 1, std::ssize(longest));
  deep.set({longest.data(), 1, std::ssize(longest), std::ssize(longest)});
  EXPECT_THROW(deep.quantized(ActivationScheme::A8T), ArgumentError);
  EXPECT_THROW(deep.quantized(ActivationScheme::A8T, kNarrow), ArgumentError);
  deep.set({longest.data(), 1, kernels::kMaxQ8cDepth, kernels::kMaxQ8cDepth});
  EXPECT_EQ(deep.quantized(ActivationScheme::A8T).offsets[0], -2130706432);
  EXPECT_THROW(input.fake_quantized(ActivationScheme::A8G32), ArgumentError);
  EXPECT_NO_THROW(input.fake_quantized(ActivationScheme::A8T));
}

TEST(Linear, NamesShapesThatDoNotFit) {
  const Problem p(2, 8, 32);
  const MatrixSource source = p.source();
  const PackedMatrix w = pack(WeightScheme::F32, std::span(&source, 1));
  LinearInput input(kernels::select(kernels::vec_variants()), 2, 64);
  std::vector<float> y(16), wide(128);
  input.set({wide.data(), 2, 64, 64});
  try {
    linear_into(input, w, {}, {y.data(), 2, 8, 8});
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(), "[linear] x is (2,64), weight needs (…,32)");
  }
  input.set({p.x.data(), 2, 32, 32});
  EXPECT_THROW(linear_into(input, w, {}, {y.data(), 2, 7, 8}), ArgumentError);
  EXPECT_THROW(linear_into(input, w, std::span(p.bias).first(7), {y.data(), 2, 8, 8}), ArgumentError);
  EXPECT_THROW(input.set({wide.data(), 3, 32, 32}), ArgumentError);
}

}  // namespace
}  // namespace slm
