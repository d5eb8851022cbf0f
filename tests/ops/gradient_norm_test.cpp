// SPDX-License-Identifier: Apache-2.0
// The gradients of the norms (tests/support/gradient_check.h).
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "slm/ops/layer_norm.h"
#include "slm/ops/rms_norm.h"
#include "tests/support/gradient_check.h"

namespace slm {
namespace {

using namespace test;

TEST(Gradient, OfRmsNorm) {
  constexpr int64_t kRows = 5, kColumns = 70;
  constexpr double kEps = 1e-3;
  const Floats x = normal(kRows * kColumns, 1), w = normal(kColumns, 2), c = normal(kRows * kColumns, 3);
  const auto y = [&](const Doubles& x_, const Doubles& w_) {
    Doubles out(x_.size());
    for (size_t r = 0; r < kRows; ++r) {
      double squares = 0;
      for (size_t i = 0; i < kColumns; ++i) squares += x_[r * kColumns + i] * x_[r * kColumns + i];
      for (size_t i = 0; i < kColumns; ++i)
        out[r * kColumns + i] = x_[r * kColumns + i] * w_[i] / std::sqrt(squares / kColumns + kEps);
    }
    return out;
  };
  const Floats dx0 = normal(kRows * kColumns, 4), dw0 = normal(kColumns, 5);
  Floats dx, dw;
  with_threads([&] {
    Floats x_copy = x, dy = c;
    dx = dx0, dw = dw0;
    rms_norm_grad(vec(), view(x_copy, kRows), w, static_cast<float>(kEps), view(dy, kRows), view(dx, kRows), dw);
    return std::vector<Floats>{dx, dw};
  });
  expect_gradient(
      dx, dx0, [&](const Doubles& v) { return sum_of_products(y(v, wide(w)), c); }, x, "dx");
  expect_gradient(
      dw, dw0, [&](const Doubles& v) { return sum_of_products(y(wide(x), v), c); }, w, "dw");
}

TEST(Gradient, OfLayerNorm) {
  constexpr int64_t kRows = 5, kColumns = 70;
  constexpr double kEps = 1e-3;
  const Floats x = normal(kRows * kColumns, 1), w = normal(kColumns, 2), b = normal(kColumns, 3),
               c = normal(kRows * kColumns, 4);
  const auto y = [&](const Doubles& x_, const Doubles& w_, const Doubles& b_) {
    Doubles out(x_.size());
    for (size_t r = 0; r < kRows; ++r) {
      double mean = 0, variance = 0;
      for (size_t i = 0; i < kColumns; ++i) mean += x_[r * kColumns + i] / kColumns;
      for (size_t i = 0; i < kColumns; ++i) variance += std::pow(x_[r * kColumns + i] - mean, 2) / kColumns;
      for (size_t i = 0; i < kColumns; ++i)
        out[r * kColumns + i] = (x_[r * kColumns + i] - mean) / std::sqrt(variance + kEps) * w_[i] + b_[i];
    }
    return out;
  };
  Floats x_copy = x, out(x.size());
  layer_norm_into(view(x_copy, kRows), w, b, static_cast<float>(kEps), view(out, kRows));
  const Doubles expected = y(wide(x), wide(w), wide(b));
  for (size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(static_cast<double>(out[i]), expected[i], 2e-6);
  const Floats dx0 = normal(kRows * kColumns, 5), dw0 = normal(kColumns, 6), db0 = normal(kColumns, 7);
  Floats dx, dw, db;
  with_threads([&] {
    Floats dy = c;
    dx = dx0, dw = dw0, db = db0;
    layer_norm_grad(view(x_copy, kRows), w, static_cast<float>(kEps), view(dy, kRows), view(dx, kRows), dw, db);
    return std::vector<Floats>{dx, dw, db};
  });
  expect_gradient(
      dx, dx0, [&](const Doubles& v) { return sum_of_products(y(v, wide(w), wide(b)), c); }, x, "dx");
  expect_gradient(
      dw, dw0, [&](const Doubles& v) { return sum_of_products(y(wide(x), v, wide(b)), c); }, w, "dw");
  expect_gradient(
      db, db0, [&](const Doubles& v) { return sum_of_products(y(wide(x), wide(w), v), c); }, b, "db");
}

}  // namespace
}  // namespace slm
