// SPDX-License-Identifier: Apache-2.0
// The gradients of linear layers and of the embedding (tests/support/gradient_check.h).
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>
#include <vector>

#include "slm/core/dtype.h"
#include "slm/core/error.h"
#include "slm/ops/embedding.h"
#include "slm/ops/float_linear.h"
#include "tests/support/bounds.h"
#include "tests/support/gradient_check.h"

namespace slm {
namespace {

using namespace test;

struct Shape {
  int64_t m, n, k;
};

/// Values a stride apart.
struct Strided {
  const Floats& values;
  int64_t begin, stride;
  double operator[](int64_t i) const { return static_cast<double>(values[static_cast<size_t>(begin + i * stride)]); }
};

/// The error of found = first + Σ a[i]·b[i], i < count, as a part of its bound.
double part_of_bound(float found, float first, const Strided& a, const Strided& b, int64_t count) {
  double sum = static_cast<double>(first), magnitudes = std::fabs(sum);
  for (int64_t i = 0; i < count; ++i) {
    sum += a[i] * b[i];
    magnitudes += std::fabs(a[i] * b[i]);
  }
  return std::fabs(static_cast<double>(found) - sum) / bounds::dot(count, magnitudes, 2);
}

TEST(Gradient, OfLinear) {
  // More columns than a packed step, more rows than a depth step: 530 > 512.
  for (const auto& [m, n, k] : {std::tuple<int64_t, int64_t, int64_t>{5, 37, 24}, {3, 530, 7}, {130, 9, 150}}) {
    const Floats x = normal(m * k, 1), w = normal(n * k, 2), b = normal(n, 3), c = normal(m * n, 4);
    const auto y = [&, m = m, n = n, k = k](const Doubles& x_, const Doubles& w_, const Doubles& b_) {
      Doubles out(static_cast<size_t>(m * n));
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double sum = b_[static_cast<size_t>(j)];
          for (int64_t l = 0; l < k; ++l)
            sum += x_[static_cast<size_t>(i * k + l)] * w_[static_cast<size_t>(j * k + l)];
          out[static_cast<size_t>(i * n + j)] = sum;
        }
      return out;
    };
    Floats dx, dw, db, out;
    const Floats dx0 = normal(m * k, 5), dw0 = normal(n * k, 6), db0 = normal(n, 7);
    with_threads([&, m = m, n = n, k = k] {
      GemmScratch scratch;
      const WeightView view_w(w, n, k);
      out.assign(static_cast<size_t>(m * n), NAN);
      dx = dx0, dw = dw0, db = db0;
      Floats x_copy = x, dy = c;
      linear_into(scratch, view_w, {view(x_copy, m), {}}, b, view(out, m));
      linear_grad_x(scratch, view_w, view(dy, m), view(dx, m));
      linear_grad_w(scratch, view(dy, m), view(x_copy, m), view(dw, n));
      linear_grad_bias(view(dy, m), db);
      return std::vector<Floats>{out, dx, dw, db};
    });
    const Doubles expected = y(wide(x), wide(w), wide(b));
    for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(static_cast<double>(out[i]), expected[i], 1e-4);
    if (m * k + n * k > 2000) continue;  // the differences would take minutes
    expect_gradient(
        dx, dx0, [&](const Doubles& v) { return sum_of_products(y(v, wide(w), wide(b)), c); }, x, "dx");
    expect_gradient(
        dw, dw0, [&](const Doubles& v) { return sum_of_products(y(wide(x), v, wide(b)), c); }, w, "dw");
    expect_gradient(
        db, db0, [&](const Doubles& v) { return sum_of_products(y(wide(x), wide(w), v), c); }, b, "db");
  }
}

TEST(Gradient, OfLargeLinearsIsTheirSum) {
  // What central differences are too slow for, by the sums themselves: more rows of W than dx adds at a time (512), and
  // three blocks of the rows of x that y is made by (256), the last of them in part.
  for (const Shape& shape : {Shape{130, 531, 150}, Shape{600, 70, 65}}) {
    const int64_t m = shape.m, n = shape.n, k = shape.k;
    const Floats x = normal(m * k, 1), w = normal(n * k, 2), b = normal(n, 3), c = normal(m * n, 4);
    const Floats dx0 = normal(m * k, 5), dw0 = normal(n * k, 6);
    Floats y, dx, dw;
    with_threads([&] {
      GemmScratch scratch;
      Floats x_copy = x, dy = c;
      y.assign(static_cast<size_t>(m * n), NAN);
      dx = dx0, dw = dw0;
      linear_into(scratch, WeightView(w, n, k), {view(x_copy, m), {}}, b, view(y, m));
      linear_grad_x(scratch, WeightView(w, n, k), view(dy, m), view(dx, m));
      linear_grad_w(scratch, view(dy, m), view(x_copy, m), view(dw, n));
      return std::vector<Floats>{y, dx, dw};
    });
    const auto at = [](const Floats& v, int64_t i) { return v[static_cast<size_t>(i)]; };
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j)
        ASSERT_LE(part_of_bound(at(y, i * n + j), at(b, j), {x, i * k, 1}, {w, j * k, 1}, k), 1)
            << "y of " << m << " rows: " << i << "," << j;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t l = 0; l < k; ++l)
        ASSERT_LE(part_of_bound(at(dx, i * k + l), at(dx0, i * k + l), {c, i * n, 1}, {w, l, k}, n), 1)
            << "dx of " << m << " rows: " << i << "," << l;
    for (int64_t j = 0; j < n; ++j)
      for (int64_t l = 0; l < k; ++l)
        ASSERT_LE(part_of_bound(at(dw, j * k + l), at(dw0, j * k + l), {c, j, n}, {x, l, k}, m), 1)
            << "dW of " << m << " rows: " << j << "," << l;
  }
}

TEST(Gradient, InBf16OfLinearsIsThatOfRoundedOperands) {
  if (!can_compute(FloatCompute::Bf16)) {
    EXPECT_THROW(GemmScratch(FloatCompute::Bf16), ArgumentError);
    GTEST_SKIP() << "avx512bf16 cannot run on this processor, or SLM_ISA does not allow it";
  }
  const auto in_bf16 = [](Floats values) {
    for (float& x : values) x = bf16_to_f32(f32_to_bf16(x));
    return values;
  };
  for (const auto& [m, n, k] : {Shape{130, 531, 150}, Shape{300, 96, 160}}) {  // rows: in one step of 256, in two
    const Floats x = normal(m * k, 1), w = normal(n * k, 2), b = normal(n, 3), c = normal(m * n, 4);
    std::vector<Floats> results;
    for (const bool rounded : {false, true}) {
      GemmScratch scratch(rounded ? FloatCompute::F32 : FloatCompute::Bf16);
      Floats x_ = rounded ? in_bf16(x) : x, w_ = rounded ? in_bf16(w) : w, dy = rounded ? in_bf16(c) : c;
      Floats y(static_cast<size_t>(m * n)), dx = normal(m * k, 5), dw = normal(n * k, 6);
      linear_into(scratch, WeightView(w_, n, k), {view(x_, m), {}}, b, view(y, m));
      linear_grad_x(scratch, WeightView(w_, n, k), view(dy, m), view(dx, m));
      linear_grad_w(scratch, view(dy, m), view(x_, m), view(dw, n));
      for (const Floats& result : {y, dx, dw}) results.push_back(result);
    }
    for (size_t i = 0; i < 3; ++i)
      for (size_t j = 0; j < results[i].size(); ++j)
        ASSERT_NEAR(static_cast<double>(results[i][j]), static_cast<double>(results[i + 3][j]), 1e-4)
            << m << " rows, result " << i << " element " << j;
  }
}

TEST(Gradient, InBf16ThroughAQuantizerIsThatOfTheRoundedQuantizedWeights) {
  if (!can_compute(FloatCompute::Bf16))
    GTEST_SKIP() << "avx512bf16 cannot run on this processor, or SLM_ISA does not allow it";
  const int64_t m = 70, n = 90, k = 160;
  const Floats w = normal(n * k, 2), dy = normal(m * n, 4), before = normal(m * k, 5);
  for (const WeightScheme scheme : {WeightScheme::W4G32, WeightScheme::W8C}) {
    const WeightView quantized(w, n, k, scheme);
    Floats read(w.size());
    quantized.read(0, n, 0, k, read);
    Floats through = before, plain = before, dy_copy = dy;
    GemmScratch scratch(FloatCompute::Bf16);
    linear_grad_x(scratch, quantized, view(dy_copy, m), view(through, m));
    linear_grad_x(scratch, WeightView(read, n, k), view(dy_copy, m), view(plain, m));
    EXPECT_EQ(through, plain);
    EXPECT_NE(through, before);
  }
}

TEST(Gradient, OfEmbeddingAddsRowsThatComeTwice) {
  const Floats dy = normal(4 * 6, 1), before = normal(5 * 6, 2);
  const std::vector<int32_t> ids = {3, 0, 3, 4};
  Floats dtable = before, dy_copy = dy;
  embedding_grad(ids, view(dy_copy, 4), view(dtable, 5));
  const Loss loss = [&](const Doubles& table) {
    Doubles y;
    for (const int32_t id : ids) y.insert(y.end(), table.begin() + id * 6, table.begin() + id * 6 + 6);
    return sum_of_products(y, dy);
  };
  expect_gradient(dtable, before, loss, normal(5 * 6, 3), "dtable");
  EXPECT_THROW(embedding_grad(std::vector<int32_t>{0, 5, 0, 0}, view(dy_copy, 4), view(dtable, 5)), ArgumentError);
}

}  // namespace
}  // namespace slm
