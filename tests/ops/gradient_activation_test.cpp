// SPDX-License-Identifier: Apache-2.0
// The gradients of the activation functions (tests/support/gradient_check.h).
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "slm/ops/gelu.h"
#include "slm/ops/swiglu.h"
#include "tests/support/gradient_check.h"

namespace slm {
namespace {

using namespace test;

TEST(Gradient, OfGelu) {
  constexpr int64_t kRows = 3;
  Floats x = normal(kRows * 40, 1);
  for (float& v : x) v *= 2.0f;
  const Floats c = normal(kRows * 40, 2), dx0 = normal(kRows * 40, 3);
  const auto y = [](const Doubles& v) {
    Doubles out(v.size());
    for (size_t i = 0; i < v.size(); ++i)
      out[i] = 0.5 * v[i] * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (v[i] + 0.044715 * std::pow(v[i], 3))));
    return out;
  };
  Floats x_copy = x, out(x.size()), dx;
  gelu_into(view(x_copy, kRows), view(out, kRows));
  const Doubles expected = y(wide(x));
  for (size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(static_cast<double>(out[i]), expected[i], 2e-6);
  with_threads([&] {
    Floats dy = c;
    dx = dx0;
    gelu_grad(view(x_copy, kRows), view(dy, kRows), view(dx, kRows));
    return std::vector<Floats>{dx};
  });
  expect_gradient(
      dx, dx0, [&](const Doubles& v) { return sum_of_products(y(v), c); }, x, "dx");
}

TEST(Gradient, OfSwiglu) {
  const Floats gate = normal(3 * 21, 1), up = normal(3 * 21, 2), c = normal(3 * 21, 3);
  const auto y = [](const Doubles& g, const Doubles& u) {
    Doubles out(g.size());
    for (size_t i = 0; i < g.size(); ++i) out[i] = g[i] / (1 + std::exp(-g[i])) * u[i];
    return out;
  };
  const Floats dgate0 = normal(3 * 21, 4), dup0 = normal(3 * 21, 5);
  Floats dgate = dgate0, dup = dup0, g = gate, u = up, dy = c;
  swiglu_grad(vec(), view(g, 3), view(u, 3), view(dy, 3), view(dgate, 3), view(dup, 3));
  expect_gradient(
      dgate, dgate0, [&](const Doubles& v) { return sum_of_products(y(v, wide(up)), c); }, gate, "dgate");
  expect_gradient(
      dup, dup0, [&](const Doubles& v) { return sum_of_products(y(wide(gate), v), c); }, up, "dup");
}

}  // namespace
}  // namespace slm
