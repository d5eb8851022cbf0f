// SPDX-License-Identifier: Apache-2.0
// Float GEMM: every variant of every storage, bit for bit against the scalar norm, and the norm against float64.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "tests/kernels/gemm_f32_problem.h"
#include "tests/support/bounds.h"
#include "tests/support/guarded_bytes.h"

namespace slm::emulated {
kernels::GemmVariant gemm_f32_avx512vnni(kernels::Isa isa, kernels::GemmStorage storage);
}

namespace slm::kernels::gemm_f32_test {
namespace {

/// A variant, and the instruction set its code really needs.
struct Tested {
  GemmVariant variant;
  Isa needs;
  std::string name;
  friend std::ostream& operator<<(std::ostream& out, const Tested& tested) { return out << tested.name; }
};

std::vector<Tested> tested_variants() {
  std::vector<Tested> all;
  for (GemmStorage storage : {GemmStorage::F32, GemmStorage::BF16, GemmStorage::F16}) {
    for (const GemmVariant& v : gemm_variants(storage)) all.push_back({v, v.isa, v.name});
#if defined(SLM_EMULATED_AVX512)
    const GemmVariant emulated = emulated::gemm_f32_avx512vnni(Isa::Avx512Vnni, storage);
    all.push_back({emulated, Isa::Avx2, std::string(emulated.name) + "_emulated"});
#endif
  }
  return all;
}

constexpr Shape kShapes[] = {{1, 1, 1},     {1, 16, 32},     {1, 130, 97},   {2, 33, 7},     {3, 70, 65},
                             {4, 31, 33},   {5, 17, 100},    {6, 16, 384},   {7, 48, 385},   {8, 15, 9},
                             {11, 65, 191}, {12, 64, 192},   {13, 32, 193},  {16, 1, 3},     {25, 129, 50},
                             {97, 33, 17},  {103, 161, 387}, {3, 1152, 896}, {260, 161, 387}};

/// Equal bits, all NaNs being one.
void expect_same(const std::vector<float>& actual, const std::vector<float>& expected, const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::isnan(actual[i]) && std::isnan(expected[i])) continue;
    ASSERT_EQ(std::bit_cast<uint32_t>(actual[i]), std::bit_cast<uint32_t>(expected[i]))
        << what << " at " << i << ": " << actual[i] << " for " << expected[i];
  }
}

class GemmF32 : public testing::TestWithParam<Tested> {
 protected:
  void SetUp() override {
    if (!supported(GetParam().needs)) GTEST_SKIP() << name(GetParam().needs) << " cannot run on this processor";
  }
  const GemmVariant& variant() const { return GetParam().variant; }
  const GemmVariant& norm() const { return gemm_variants(variant().storage).back(); }
};

TEST_P(GemmF32, EqualsTheScalarNormBitForBit) {
  for (const Shape& shape : kShapes)
    for (bool with_bias : {false, true}) {
      const Problem problem(variant().storage, shape);
      SCOPED_TRACE(testing::Message() << shape.m << "x" << shape.n << "x" << shape.k << " bias " << with_bias);
      expect_same(problem.run(variant(), with_bias), problem.run(norm(), with_bias), "c");
    }
}

TEST_P(GemmF32, AccumulatingGoesOnFromWhatIsThere) {
  // A sum cut in two along k, the second part going on from the first: one chain, the same bits.
  for (const Shape& shape : {Shape{1, 130, 97}, Shape{5, 33, 40}, Shape{13, 47, 400}, Shape{257, 35, 193}}) {
    const Problem problem(variant().storage, shape);
    const std::vector<float> whole = problem.run(variant(), true);
    const int64_t cut = shape.k / 3;
    std::vector<float> c(whole.size());
    for (const bool second : {false, true}) {
      Problem part = problem;
      part.shape.k = second ? shape.k - cut : cut;
      for (int64_t j = 0; j < shape.n; ++j)
        std::memmove(part.element(j * part.shape.k), problem.element(j * shape.k + (second ? cut : 0)),
                     static_cast<size_t>(part.shape.k * element_bytes(problem.storage)));
      const AlignedBuffer panels = part.pack(variant());
      GemmArgs args = part.args(panels.data(), second ? problem.bias.data() : nullptr, c.data(), shape.n);
      args.a = problem.a.data() + (second ? cut : 0);
      args.accumulate = second;
      variant().gemm(args);
    }
    expect_same(c, whole, "in two parts");
  }
}

TEST_P(GemmF32, PackingByColumnsGivesTheSamePanels) {
  const GemmVariant& v = variant();
  if (v.storage != GemmStorage::F32) {
    EXPECT_EQ(v.pack_columns, nullptr);
    return;
  }
  for (const int64_t count : {1, v.panel_columns - 1, v.panel_columns}) {
    const Problem problem(v.storage, {1, count, 37}, 9);
    const AlignedBuffer expected = problem.pack(v);
    std::vector<float> turned(static_cast<size_t>(37 * (count + 2)));
    for (int64_t j = 0; j < 37; ++j)
      for (int64_t i = 0; i < count; ++i)
        std::memcpy(&turned[static_cast<size_t>(j * (count + 2) + i)], problem.element(i * 37 + j), sizeof(float));
    AlignedBuffer panel(expected.size());
    std::memset(panel.data(), 0xff, panel.size());
    for (const auto& [begin, rows] : {std::pair<int64_t, int64_t>{0, 5}, {5, 32}})
      v.pack_columns({.source = turned.data() + begin * (count + 2),
                      .stride = count + 2,
                      .count = count,
                      .begin = begin,
                      .rows = rows,
                      .panel = panel.data()});
    EXPECT_EQ(std::memcmp(panel.data(), expected.data(), static_cast<size_t>(37 * v.panel_columns) * sizeof(float)), 0)
        << count;
  }
}

TEST_P(GemmF32, AgreesWithDoubleWithinTheDotProductBound) {
  for (const Shape& shape : {Shape{5, 37, 611}, Shape{14, 40, 4864}}) {
    const Problem problem(variant().storage, shape, 5);
    const std::vector<float> c = problem.run(variant(), true);
    for (int64_t i = 0; i < shape.m; ++i)
      for (int64_t j = 0; j < shape.n; ++j) {
        double sum = problem.bias[static_cast<size_t>(j)], magnitudes = std::fabs(sum);
        for (int64_t l = 0; l < shape.k; ++l) {
          const double product = static_cast<double>(problem.a[static_cast<size_t>(i * problem.a_stride + l)]) *
                                 static_cast<double>(element_value(problem.storage, problem.element(j * shape.k + l)));
          sum += product;
          magnitudes += std::fabs(product);
        }
        ASSERT_NEAR(static_cast<double>(c[static_cast<size_t>(i * shape.n + j)]), sum, bounds::dot(shape.k, magnitudes))
            << i << "," << j;
      }
  }
}

TEST_P(GemmF32, UnpacksWhatWasPackedAndNothingElse) {
  const GemmVariant& v = variant();
  for (int64_t k : {1, 15, 16, 17, 100})
    for (int64_t count : {1, v.panel_columns - 1, v.panel_columns}) {
      const Problem problem(v.storage, {1, count, k}, 9);
      const AlignedBuffer panel = problem.pack(v);
      EXPECT_EQ(panel.size() % 64, 0u);
      const int64_t bytes = k * element_bytes(v.storage);
      for (int64_t begin : {int64_t{0}, count / 2})
        for (int64_t end : {count, count / 2 + 1}) {
          std::vector<std::byte> out(static_cast<size_t>((end - begin) * (bytes + 1)), std::byte{0x5a});
          std::vector<std::byte*> pointers;
          for (int64_t i = begin; i < end; ++i) pointers.push_back(out.data() + (i - begin) * (bytes + 1));
          v.unpack({.panel = panel.data(), .k = k, .row_begin = begin, .row_end = end, .rows = pointers.data()});
          for (int64_t i = begin; i < end; ++i) {
            const std::byte* row = out.data() + (i - begin) * (bytes + 1);
            ASSERT_EQ(std::memcmp(row, problem.element(i * k), static_cast<size_t>(bytes)), 0)
                << "row " << i << " k " << k;
            ASSERT_EQ(row[bytes], std::byte{0x5a}) << "guard behind row " << i;
          }
        }
    }
}

TEST_P(GemmF32, WritesOnlyItsColumnsAndReadsOnlyItsRows) {
  for (const Shape& shape : {Shape{1, 5, 40}, Shape{3, 33, 40}, Shape{13, 47, 400}}) {
    const Problem problem(variant().storage, shape);
    const AlignedBuffer panels = problem.pack(variant());
    const int64_t stride = shape.n + 70;
    std::vector<float> c(static_cast<size_t>((shape.m + 2) * stride), 12345.0f);
    const auto a_bytes = static_cast<size_t>((shape.m - 1) * problem.a_stride + shape.k) * sizeof(float);
    const test::GuardedCopy<float> a(std::span(problem.a).first(a_bytes / sizeof(float)));
    const test::GuardedCopy<float> bias(problem.bias);
    const test::GuardedCopy<std::byte> b(std::span(panels.data(), panels.size()));
    GemmArgs args = problem.args(b.data(), bias.data(), c.data() + stride, stride);
    args.a = a.data();
    variant().gemm(args);
    for (int64_t i = 0; i < shape.m + 2; ++i)
      for (int64_t j = 0; j < stride; ++j) {
        const bool inside = i > 0 && i <= shape.m && j < shape.n;
        ASSERT_EQ(c[static_cast<size_t>(i * stride + j)] != 12345.0f, inside) << i << "," << j;
      }
  }
}

TEST_P(GemmF32, GivesTheSameBitsForEverySplitOfRowsAndColumns) {
  const Shape shape{29, 4 * variant().panel_columns + 5, 403};
  const Problem problem(variant().storage, shape);
  const std::vector<float> whole = problem.run(variant(), true);
  const AlignedBuffer panels = problem.pack(variant());
  for (int64_t rows : {1, 2, 3, 5, 7, 12, 20})
    for (int64_t panels_at_once : {1, 2, 3}) {
      std::vector<float> c(whole.size());
      for (int64_t i = 0; i < shape.m; i += rows)
        for (int64_t n = 0; n < shape.n; n += panels_at_once * variant().panel_columns) {
          GemmArgs args = problem.args(panels.data(), problem.bias.data() + n, c.data() + i * shape.n + n, shape.n);
          args.a = problem.a.data() + i * problem.a_stride;
          args.b += static_cast<size_t>(n / variant().panel_columns) * variant().panel_bytes(shape.k);
          args.m = std::min(rows, shape.m - i);
          args.n = std::min<int64_t>(panels_at_once * variant().panel_columns, shape.n - n);
          variant().gemm(args);
        }
      expect_same(c, whole, "split");
    }
}

TEST_P(GemmF32, OneChangedWeightChangesItsColumnOnly) {
  const Shape shape{7, 40, 385};
  for (int64_t changed : {int64_t{0}, 17 * shape.k + 3, 31 * shape.k + 384, 39 * shape.k + 200}) {
    Problem problem(variant().storage, shape);
    const std::vector<float> before = problem.run(variant(), false);
    problem.element(changed)[element_bytes(problem.storage) - 1] ^= std::byte{0x80};  // its sign
    const std::vector<float> after = problem.run(variant(), false);
    for (int64_t i = 0; i < shape.m; ++i)
      for (int64_t j = 0; j < shape.n; ++j) {
        const auto at = static_cast<size_t>(i * shape.n + j);
        ASSERT_EQ(before[at] != after[at], j == changed / shape.k) << i << "," << j;
      }
  }
}

TEST_P(GemmF32, CarriesInfinitiesNanAndSubnormalsLikeTheNorm) {
  const Shape shape{9, 37, 50};
  Problem problem(variant().storage, shape);
  const float specials[] = {std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN(),
                            3e-8f,
                            6.5e4f,
                            -0.0f,
                            1e-39f};
  for (int64_t i = 0; i < 7; ++i)
    set_element(problem.storage, problem.element(i * 3 * shape.k + 11 * i % 50), specials[i]);
  problem.a[static_cast<size_t>(2 * problem.a_stride + 5)] = 1e-40f;
  problem.a[static_cast<size_t>(3 * problem.a_stride + 5)] = std::numeric_limits<float>::max();
  const std::vector<float> c = problem.run(variant(), false);
  expect_same(c, problem.run(norm(), false), "special values");
  EXPECT_TRUE(std::isinf(c[0])) << "column 0 holds one infinite weight";
  EXPECT_TRUE(std::isnan(c[6])) << "column 6 holds one NaN";
}

INSTANTIATE_TEST_SUITE_P(AllVariants, GemmF32, testing::ValuesIn(tested_variants()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace slm::kernels::gemm_f32_test
