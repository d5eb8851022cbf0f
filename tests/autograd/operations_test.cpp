// SPDX-License-Identifier: Apache-2.0
// Wiring: what an operation's entry adds, and to which gradient, is what its function of ops/ adds (tests/ops).
#include "slm/autograd/operations.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "slm/ops/gelu.h"
#include "slm/ops/layer_norm.h"
#include "tests/support/gradient_check.h"

namespace slm {
namespace {

using namespace test;

constexpr int64_t kRows = 5, kColumns = 24, kSize = kRows * kColumns;

void fill(MatrixView to, const Floats& from) { std::copy(from.begin(), from.end(), to.data); }
Floats values(ConstMatrixView from) { return {from.data, from.data + from.rows * from.columns}; }

class Operations : public testing::Test {
 protected:
  Variable variable(const Floats& value, const Floats& grad) {
    const Variable x = tape_.variable(kRows, kColumns);
    fill(x.value(), value);
    fill(x.grad(), grad);
    return x;
  }

  Tape tape_;
  GemmScratch scratch_;
  const autograd::Context context_{tape_, vec(), scratch_};
  // x, dy, and gradients that were there before.
  Floats x_ = normal(kSize, 1), dy_ = normal(kSize, 2), dx_ = normal(kSize, 3);
};

TEST_F(Operations, GeluAddsItsGradient) {
  const Variable x = variable(x_, dx_);
  const Variable y = autograd::gelu(context_, x);
  Floats expected(kSize);
  gelu_into(view(x_, kRows), view(expected, kRows));
  EXPECT_EQ(values(y.value()), expected);
  fill(y.grad(), dy_);
  tape_.backward();
  gelu_grad(view(x_, kRows), view(dy_, kRows), view(dx_, kRows));
  EXPECT_EQ(values(x.grad()), dx_);
  EXPECT_EQ(values(y.grad()), dy_) << "only read";
}

TEST_F(Operations, LayerNormAddsItsGradients) {
  constexpr float kEps = 0.25f;  // large enough to be missed
  Floats w = normal(kColumns, 4), b = normal(kColumns, 5), dw = normal(kColumns, 6), db = normal(kColumns, 7);
  Floats dw_tape = dw, db_tape = db;
  const Parameter weight{.name = "w", .shape = {kColumns}, .value = w, .grad = dw_tape, .scheme = {}},
      bias{.name = "b", .shape = {kColumns}, .value = b, .grad = db_tape, .scheme = {}};
  const Variable x = variable(x_, dx_);
  const Variable y = autograd::layer_norm(context_, x, weight, bias, kEps);
  Floats expected(kSize);
  layer_norm_into(view(x_, kRows), w, b, kEps, view(expected, kRows));
  EXPECT_EQ(values(y.value()), expected);
  fill(y.grad(), dy_);
  tape_.backward();
  layer_norm_grad(view(x_, kRows), w, kEps, view(dy_, kRows), view(dx_, kRows), dw, db);
  EXPECT_EQ(values(x.grad()), dx_);
  EXPECT_EQ(dw_tape, dw);
  EXPECT_EQ(db_tape, db);
  EXPECT_EQ(values(y.grad()), dy_) << "only read";
}

TEST_F(Operations, LayerNormLeavesFrozenParametersAlone) {
  Floats w = normal(kColumns, 4), b = normal(kColumns, 5), db = normal(kColumns, 7), db_tape = db;
  const Parameter weight{.name = "w", .shape = {kColumns}, .value = w, .grad = {}, .scheme = {}},
      bias{.name = "b", .shape = {kColumns}, .value = b, .grad = db_tape, .scheme = {}};
  const Variable x = variable(x_, dx_);
  const Variable y = autograd::layer_norm(context_, x, weight, bias, 0.25f);
  fill(y.grad(), dy_);
  tape_.backward();
  layer_norm_grad(view(x_, kRows), w, 0.25f, view(dy_, kRows), view(dx_, kRows), {}, db);
  EXPECT_EQ(values(x.grad()), dx_);
  EXPECT_EQ(db_tape, db);
}

}  // namespace
}  // namespace slm
