// SPDX-License-Identifier: Apache-2.0
// The whole family w{2…8}{t c g32 g64 g128}{z a}: values from the formulas of docs/quantization.md, not through grid.h;
// the training loop, the file and the packed matrix hold the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "slm/core/rng.h"
#include "slm/quant/fake_quant.h"
#include "slm/quant/pack.h"
#include "slm/quant/rows.h"
#include "slm/quant/weight_view.h"

namespace slm {
namespace {

constexpr int64_t kRows = 5, kColumns = 256;

/// Rows of different size and sign; groups of zeros and a constant one among them.
Tensor weights() {
  Rng rng(1);
  Tensor t = Tensor::zeros(Dtype::F32, {kRows, kColumns});
  const std::span<float> w = t.mutable_as<float>();
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = (static_cast<float>(i / kColumns) + 0.5f) * rng.normal() + (i % 512 < 128 ? 1.5f : 0.0f);
  std::fill(w.begin() + 256, w.begin() + 256 + 128, 0.0f);
  std::fill(w.begin() + 512, w.begin() + 512 + 128, -0.75f);
  return t;
}

float half(float value) { return f16_to_f32(f32_to_f16(value)); }
float over(float value) { return value == 0.0f ? 0.0f : 1.0f / value; }

/// One group by its formula; inside: whether the code needed no clipping.
void quantize(int bits, char kind, bool blocks, std::span<const float> x, std::span<float> y, std::span<bool> inside) {
  const auto codes = static_cast<float>(1 << bits);
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  for (size_t i = 0; i < x.size(); ++i) {
    if (kind == 'a') {
      const float d = (*high - *low) / (codes - 1);
      const float code = std::trunc((x[i] - *low) * over(d) + 0.5f);
      inside[i] = code >= 0 && code <= codes - 1;
      y[i] = std::clamp(code, 0.0f, codes - 1) * half(d) + half(*low);
    } else if (kind == 'z') {
      const float least = std::min(*low, 0.0f), d = (std::max(*high, 0.0f) - least) / (codes - 1);
      const float zero = std::clamp(-codes / 2 - std::rint(least * over(d)), -codes / 2, codes / 2 - 1);
      const float code = std::rint(x[i] * over(d)) + zero;
      inside[i] = code >= -codes / 2 && code <= codes / 2 - 1;
      y[i] = (blocks ? half(d) : d) * (std::clamp(code, -codes / 2, codes / 2 - 1) - zero);
    } else if (blocks && bits <= 4) {
      const float extreme = std::fabs(*low) > std::fabs(*high) ? *low : *high, d = extreme / (-codes / 2);
      const float code = std::trunc(x[i] * over(d) + codes / 2 + 0.5f);
      inside[i] = code >= 0 && code <= codes - 1;
      y[i] = (std::clamp(code, 0.0f, codes - 1) - codes / 2) * half(d);
    } else {
      const float d = std::max(std::fabs(*low), std::fabs(*high)) / (codes / 2 - 1);
      inside[i] = true;
      y[i] = blocks ? std::round(x[i] * over(d)) * half(d) : std::rint(x[i] * over(d)) * d;
    }
  }
}

class SchemeFamily : public testing::TestWithParam<WeightSchemeInfo> {
 protected:
  const WeightSchemeInfo& s = GetParam();
  const Tensor tensor = weights();
  const std::span<const float> w = tensor.as<float>();
  /// Every value by its formula, and whether it is inside the grid.
  struct Formula {
    std::vector<float> values;
    std::unique_ptr<bool[]> inside;
  };
  Formula formula() const {
    Formula all{std::vector<float>(w.size()), std::make_unique<bool[]>(w.size())};
    const size_t group = group_size();
    for (size_t i = 0; i < w.size(); i += group)
      quantize(s.name[1] - '0', s.name.back(), s.granularity == Granularity::Group, w.subspan(i, group),
               std::span(all.values).subspan(i, group), std::span(all.inside.get() + i, group));
    return all;
  }
  size_t group_size() const {
    return s.granularity == Granularity::Tensor    ? w.size()
           : s.granularity == Granularity::Channel ? static_cast<size_t>(kColumns)
                                                   : static_cast<size_t>(s.group);
  }
  std::vector<float> trained = [this] {
    std::vector<float> values(w.size());
    fake_quant(s.scheme, kColumns, w, values);
    return values;
  }();
};

TEST_P(SchemeFamily, ValuesAreThoseOfTheFormula) {
  const size_t group = group_size();
  for (size_t i = 0; i < w.size(); i += group) {
    const std::set<float> distinct(trained.begin() + static_cast<int64_t>(i),
                                   trained.begin() + static_cast<int64_t>(i + group));
    EXPECT_LE(distinct.size(), size_t{1} << (s.name[1] - '0'));
  }
  const Formula expected = formula();
  for (size_t i = 0; i < w.size(); ++i) ASSERT_EQ(trained[i], expected.values[i]) << i << ": " << w[i];
}

TEST_P(SchemeFamily, TheFileAndThePackedMatrixHoldWhatWasTrained) {
  const MatrixSource source{.name = "w", .tensor = tensor};
  const std::optional<GridParams> shared = tensor_params(s.scheme, source);
  const PackedMatrix packed = pack(s.scheme, std::span(&source, 1));
  std::vector<std::byte> row(row_bytes(s.scheme, kColumns)), again(row.size());
  std::vector<float> values(static_cast<size_t>(kColumns));
  for (int64_t r = 0; r < kRows; ++r) {
    const auto first = static_cast<size_t>(r * kColumns);
    float scale = 0, packed_scale = 0;
    encode_row(s.scheme, w.subspan(first, kColumns), row, &scale, shared);
    decode_row(s.scheme, row, scale, values);
    for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], trained[first + i]) << r << ',' << i;
    packed.unpack_row(r, again, &packed_scale);
    EXPECT_EQ(again, row);
    EXPECT_EQ(packed_scale, scale);
  }
}

TEST_P(SchemeFamily, MaskIsZeroWhereAValueLeavesTheGrid) {
  std::vector<float> ignored(w.size()), gradient(w.size(), 1.0f);
  std::vector<uint8_t> inside(w.size());
  fake_quant(s.scheme, kColumns, w, ignored, inside);
  EXPECT_EQ(ignored, trained);
  WeightView(w, kRows, kColumns, s.scheme).mask_clipped_(gradient);
  const Formula expected = formula();
  int64_t clipped = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    ASSERT_EQ(inside[i], expected.inside[i] ? 1 : 0) << i;
    ASSERT_EQ(gradient[i], expected.inside[i] ? 1.0f : 0.0f) << i;
    clipped += expected.inside[i] ? 0 : 1;
  }
  RecordProperty("clipped", static_cast<int>(clipped));
  if (s.grid->range == Range::SignedMax && s.name != "w4g128") {  // where it happens that no value of these clips
    EXPECT_GT(clipped, 0);
  }
  EXPECT_LT(clipped, std::ssize(w) / 4);
  if (s.grid->range == Range::AbsMax || s.grid->kind == GridKind::FloatMinimum) {
    EXPECT_EQ(clipped, 0);
  }
}

std::vector<WeightSchemeInfo> family() {
  const auto all = all_weight_schemes();
  return {all.begin() + 3, all.end()};  // without the plain types
}
INSTANTIATE_TEST_SUITE_P(, SchemeFamily, testing::ValuesIn(family()),
                         [](const auto& tested) { return tested.param.name; });

TEST(SchemeFamilyZeroPoints, ClipOnlyWhereBothEndsLieHalfwayBetweenCodes) {
  int schemes = 0;
  for (const WeightSchemeInfo& s : family()) {
    if (s.grid->kind != GridKind::IntegerZero) continue;
    const auto steps = static_cast<float>(s.grid->qmax - s.grid->qmin);
    std::vector<float> w(128, 0.0f), out(w.size()), gradient(w.size(), 1.0f), expected(w.size(), 1.0f);
    w[0] = -1.5f;         // scale 1; to even: −2, so that 0 is code qmin + 2
    w[1] = steps - 1.5f;  // to even: steps − 1, one code beyond qmax
    const WeightView view(w, 1, 128, s.scheme);
    view.read(0, 1, 0, 128, out);
    EXPECT_EQ(out[0], -2.0f) << s.name;
    EXPECT_EQ(out[1], steps - 2.0f) << s.name;
    view.mask_clipped_(gradient);
    expected[1] = 0.0f;
    EXPECT_EQ(gradient, expected) << s.name;
    ++schemes;
  }
  EXPECT_EQ(schemes, 5 * 6);
}

TEST(SchemeFamilyNames, AreAllThere) {
  std::set<std::string> names;
  for (const WeightSchemeInfo& s : family()) names.insert(s.name);
  EXPECT_EQ(names.size(), family().size());
  EXPECT_EQ(std::ssize(names), 5 * 7 + 5 * 6 + 3 * 3) << "symmetric, with a zero point, with a minimum";
  for (const char* name : {"w5g32", "w8t", "w2c", "w7cz", "w3g128z", "w4g64a", "w2g128a"})
    EXPECT_EQ(std::string(slm::name(parse_weight_scheme(name))), name);
  for (const char* name : {"w8cz", "w5g32a", "w4ca", "w1g32", "w9c", "w4g16", "w4g32az"})
    EXPECT_THROW(parse_weight_scheme(name), ArgumentError) << name;
  EXPECT_EQ(info(parse_weight_scheme("w4g128")).nominal_bits, 4.125);
  EXPECT_EQ(info(parse_weight_scheme("w3g64z")).nominal_bits, 3 + (16 + 3) / 64.0);
  EXPECT_EQ(info(parse_weight_scheme("w5g32")).meaning, "int5, one half scale per 32 (in Q8_0 blocks)");
}

TEST(TensorParams, RefuseOtherSchemesAndValuesThatAreNotFinite) {
  EXPECT_THROW(tensor_params(WeightScheme::W8C, MinMax{-1.0f, 1.0f}), ArgumentError);
  Tensor bad = weights();
  bad.mutable_as<float>()[300] = NAN;
  const MatrixSource source{.name = "bad", .tensor = bad};
  EXPECT_THROW(pack(parse_weight_scheme("w8t"), std::span(&source, 1)), FormatError);
  EXPECT_FALSE(tensor_params(WeightScheme::W8C, source));
}

}  // namespace
}  // namespace slm
