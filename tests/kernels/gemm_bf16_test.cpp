// SPDX-License-Identifier: Apache-2.0
// Products of floats in bfloat16: every variant bit for bit against the scalar norm, and the norm against float64 on
// the rounded operands. The emulation of AVX-512 has no dpbf16ps that rounds as processors do: these run where it is.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <ostream>
#include <span>
#include <vector>

#include "slm/core/aligned_buffer.h"
#include "slm/core/dtype.h"
#include "slm/core/rng.h"
#include "slm/kernels/gemm_variants.h"
#include "tests/support/bounds.h"
#include "tests/support/guarded_bytes.h"

namespace slm::kernels {

std::ostream& operator<<(std::ostream& out, const GemmVariant& v) { return out << v.name; }

namespace {

struct Shape {
  int64_t m, n, k;
};
constexpr Shape kShapes[] = {{1, 1, 1},       {1, 130, 97},   {2, 33, 7},    {3, 70, 65},   {11, 65, 191},
                             {12, 64, 192},   {13, 32, 255},  {16, 1, 3},    {25, 129, 50}, {97, 33, 257},
                             {103, 161, 514}, {5, 1000, 896}, {200, 545, 40}};

double rounded(float x) { return static_cast<double>(bf16_to_f32(f32_to_bf16(x))); }

struct Problem {
  Shape shape;
  int64_t a_stride;
  std::vector<float> a, b, bias, c;

  explicit Problem(const Shape& s, uint64_t seed = 1) : shape(s), a_stride(s.k + 3) {
    Rng rng(seed);
    for (auto [values, count] : {std::pair{&a, s.m * a_stride}, {&b, s.n * s.k}, {&bias, s.n}, {&c, s.m * s.n}}) {
      values->resize(static_cast<size_t>(count));
      for (float& x : *values) x = rng.normal();
    }
  }

  AlignedBuffer pack(const GemmVariant& v) const {
    const int64_t panels = (shape.n + v.panel_columns - 1) / v.panel_columns;
    AlignedBuffer buffer(static_cast<size_t>(panels) * v.panel_bytes(shape.k));
    std::memset(buffer.data(), 0xff, buffer.size());
    for (int64_t p = 0; p < panels; ++p) {
      const int64_t first = p * v.panel_columns, count = std::min<int64_t>(v.panel_columns, shape.n - first);
      std::vector<const std::byte*> rows;
      for (int64_t i = 0; i < count; ++i)
        rows.push_back(reinterpret_cast<const std::byte*>(b.data() + (first + i) * shape.k));
      v.pack({.rows = rows.data(),
              .count = count,
              .k = shape.k,
              .panel = buffer.data() + static_cast<size_t>(p) * v.panel_bytes(shape.k)});
    }
    return buffer;
  }

  std::vector<float> run(const GemmVariant& v, bool with_bias, bool accumulate) const {
    const AlignedBuffer panels = pack(v);
    std::vector<float> out = accumulate ? c : std::vector<float>(c.size(), std::numeric_limits<float>::quiet_NaN());
    v.gemm({.a = a.data(),
            .a_stride = a_stride,
            .b = panels.data(),
            .bias = with_bias ? bias.data() : nullptr,
            .c = out.data(),
            .c_stride = shape.n,
            .m = shape.m,
            .n = shape.n,
            .k = shape.k,
            .accumulate = accumulate});
    return out;
  }
};

class GemmBf16 : public testing::TestWithParam<GemmVariant> {
 protected:
  void SetUp() override {
    if (!supported(GetParam().isa)) GTEST_SKIP() << name(GetParam().isa) << " cannot run on this processor";
  }
};

TEST_P(GemmBf16, EqualsTheScalarNormBitForBit) {
  for (const Shape& shape : kShapes)
    for (const bool with_bias : {false, true})
      for (const bool accumulate : {false, true}) {
        const Problem problem(shape);
        const std::vector<float> actual = problem.run(GetParam(), with_bias, accumulate),
                                 expected = problem.run(gemm_bf16_compute_variants().back(), with_bias, accumulate);
        for (size_t i = 0; i < actual.size(); ++i)
          ASSERT_EQ(std::bit_cast<uint32_t>(actual[i]), std::bit_cast<uint32_t>(expected[i]))
              << i << " of " << shape.m << "x" << shape.n << "x" << shape.k << ": " << actual[i] << " for "
              << expected[i];
      }
}

TEST_P(GemmBf16, AgreesWithDoubleOnTheRoundedOperands) {
  for (const Shape& shape : {Shape{5, 37, 611}, Shape{14, 40, 4864}}) {
    const Problem p(shape, 5);
    const std::vector<float> c = p.run(GetParam(), true, true);
    for (int64_t i = 0; i < shape.m; ++i)
      for (int64_t j = 0; j < shape.n; ++j) {
        const auto at = static_cast<size_t>(i * shape.n + j);
        double sum = static_cast<double>(p.bias[static_cast<size_t>(j)]) + static_cast<double>(p.c[at]);
        double magnitudes = std::fabs(sum);
        for (int64_t l = 0; l < shape.k; ++l) {
          const double product = rounded(p.a[static_cast<size_t>(i * p.a_stride + l)]) *
                                 rounded(p.b[static_cast<size_t>(j * shape.k + l)]);
          sum += product;
          magnitudes += std::fabs(product);
        }
        ASSERT_NEAR(static_cast<double>(c[at]), sum, bounds::dot(shape.k, magnitudes, 2)) << i << "," << j;
      }
  }
}

TEST_P(GemmBf16, PackingByColumnsGivesTheSamePanels) {
  const GemmVariant& v = GetParam();
  constexpr int64_t kDepth = 37;
  for (const int64_t count : {1, v.panel_columns / 2 + 1, v.panel_columns - 1, v.panel_columns}) {
    const Problem problem({1, count, kDepth}, 9);
    const AlignedBuffer expected = problem.pack(v);
    std::vector<float> turned(static_cast<size_t>(kDepth * (count + 2)));
    for (int64_t j = 0; j < kDepth; ++j)
      for (int64_t i = 0; i < count; ++i)
        turned[static_cast<size_t>(j * (count + 2) + i)] = problem.b[static_cast<size_t>(i * kDepth + j)];
    AlignedBuffer panel(expected.size());
    std::memset(panel.data(), 0xff, panel.size());
    for (const auto& [begin, rows] : {std::pair<int64_t, int64_t>{0, 6}, {6, 31}})
      v.pack_columns({.source = turned.data() + begin * (count + 2),
                      .stride = count + 2,
                      .count = count,
                      .begin = begin,
                      .rows = rows,
                      .panel = panel.data()});
    EXPECT_EQ(std::memcmp(panel.data(), expected.data(), v.panel_bytes(kDepth)), 0) << count;
  }
}

TEST_P(GemmBf16, WritesOnlyItsColumnsAndReadsOnlyItsRows) {
  for (const Shape& shape : {Shape{1, 5, 41}, Shape{3, 33, 40}, Shape{13, 47, 300}}) {
    const Problem problem(shape);
    const AlignedBuffer panels = problem.pack(GetParam());
    const int64_t stride = shape.n + 70;
    std::vector<float> c(static_cast<size_t>((shape.m + 2) * stride), 12345.0f);
    const auto a_count = static_cast<size_t>((shape.m - 1) * problem.a_stride + shape.k);
    const test::GuardedCopy<float> a(std::span(problem.a).first(a_count)), bias(problem.bias);
    const test::GuardedCopy<std::byte> b(std::span(panels.data(), panels.size()));
    GetParam().gemm({.a = a.data(),
                     .a_stride = problem.a_stride,
                     .b = b.data(),
                     .bias = bias.data(),
                     .c = c.data() + stride,
                     .c_stride = stride,
                     .m = shape.m,
                     .n = shape.n,
                     .k = shape.k});
    for (int64_t i = 0; i < shape.m + 2; ++i)
      for (int64_t j = 0; j < stride; ++j) {
        const bool inside = i > 0 && i <= shape.m && j < shape.n;
        ASSERT_EQ(c[static_cast<size_t>(i * stride + j)] != 12345.0f, inside) << i << "," << j;
      }
  }
}

TEST_P(GemmBf16, OneChangedWeightChangesItsColumnOnly) {
  const Shape shape{7, 40, 385};
  for (const int64_t changed : {int64_t{0}, 17 * shape.k + 3, 31 * shape.k + 384, 39 * shape.k + 200}) {
    Problem problem(shape);
    const std::vector<float> before = problem.run(GetParam(), false, false);
    float& weight = problem.b[static_cast<size_t>(changed)];
    weight = bf16_to_f32(static_cast<uint16_t>(f32_to_bf16(weight) ^ 1));  // the last bit that is multiplied
    const std::vector<float> after = problem.run(GetParam(), false, false);
    for (size_t i = 0; i < before.size(); ++i)
      ASSERT_EQ(before[i] != after[i], static_cast<int64_t>(i) % shape.n == changed / shape.k) << i;
  }
}

TEST_P(GemmBf16, CarriesInfinitiesAndNan) {
  Problem problem({9, 37, 50});
  problem.b[0] = std::numeric_limits<float>::infinity();
  problem.b[50 * 6 + 7] = std::numeric_limits<float>::quiet_NaN();
  problem.b[50 * 8 + 9] = std::numeric_limits<float>::max();  // rounds to infinity
  const std::vector<float> c = problem.run(GetParam(), false, false);
  EXPECT_TRUE(std::isinf(c[0]));
  EXPECT_TRUE(std::isnan(c[6]));
  EXPECT_TRUE(std::isinf(c[8]));
  EXPECT_TRUE(std::isfinite(c[9]));
}

INSTANTIATE_TEST_SUITE_P(AllVariants, GemmBf16,
                         testing::ValuesIn(gemm_bf16_compute_variants().begin(), gemm_bf16_compute_variants().end()),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace slm::kernels
