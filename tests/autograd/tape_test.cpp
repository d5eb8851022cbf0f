// SPDX-License-Identifier: Apache-2.0
// The tape: entries are played back newest first, buffers are used again, a variable used twice gets both gradients.
#include "slm/autograd/tape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "slm/autograd/operations.h"
#include "slm/kernels/vec/variants.h"

namespace slm {
namespace {

TEST(Tape, PlaysBackNewestFirstAndForgets) {
  Tape tape;
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) tape.record([&order, i] { order.push_back(i); });
  tape.backward();
  EXPECT_EQ(order, (std::vector<int>{2, 1, 0}));
  tape.backward();
  EXPECT_EQ(order.size(), 3u);
}

TEST(Tape, ForgetsAllWhereAnEntryThrows) {
  Tape tape;
  int played = 0;
  tape.record([&] { ++played; });
  tape.record([] { throw std::runtime_error("no"); });
  EXPECT_THROW(tape.backward(), std::runtime_error);
  tape.backward();
  EXPECT_EQ(played, 0);
}

TEST(Tape, UsesBuffersAgainForBatchesOfNearlyEqualSize) {
  Tape tape;
  for (int64_t rows = 1000; rows < 1100; ++rows) {
    const Variable a = tape.variable(rows, 64), b = tape.variable(rows, 32);
    a.grad();
    tape.record([a, b] { b.grad(); });
    tape.backward();
  }
  // Two sizes at most for each of a, its gradient, b and its gradient, an eighth more than asked.
  EXPECT_LT(tape.bytes(), 2 * (2 * 64 + 2 * 32) * 1100 * sizeof(float) * 9 / 8);
}

TEST(Tape, GradientsBeginAtZeroInBuffersUsedBefore) {
  Tape tape;
  for (int step = 0; step < 3; ++step) {
    const Variable x = tape.variable(3, 5);
    EXPECT_FALSE(x.has_grad());
    for (int64_t i = 0; i < 15; ++i) EXPECT_EQ(x.grad().data[i], 0.0f);
    EXPECT_TRUE(x.has_grad());
    for (int64_t i = 0; i < 15; ++i) x.grad().data[i] = x.value().data[i] = 7.0f;
  }
}

TEST(StaticInputs, PassTheGradientWhereTheCodeLiesOnTheGrid) {
  Tape tape;
  GemmScratch scratch;
  const autograd::Context context{tape, kernels::select(kernels::vec_variants()), scratch};
  const GridParams params = given_params(kGridA8S, 0.5f, 0.0f, 27);  // −77 … 50
  const std::vector<float> x = {-77.3f, -77.2f, -77.0f, 0.2f, 0.3f, 50.0f, 50.2f, 50.3f, 1000.0f};
  const std::vector<float> values = {-77.0f, -77.0f, -77.0f, 0.0f, 0.5f, 50.0f, 50.0f, 50.0f, 50.0f};
  const std::vector<float> inside = {0, 1, 1, 1, 1, 1, 1, 0, 0};
  const Variable v = tape.variable(3, 3);
  std::copy(x.begin(), x.end(), v.value().data);
  const Variable y = autograd::fake_quantized(context, v, params);
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(y.value().data[i], values[i]) << i;
  for (size_t i = 0; i < 9; ++i) y.grad().data[i] = 1.0f + static_cast<float>(i);
  tape.backward();
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(v.grad().data[i], inside[i] * (1.0f + static_cast<float>(i))) << i;
}

TEST(Tape, AVariableUsedTwiceGetsBothGradients) {
  Tape tape;
  GemmScratch scratch;
  const autograd::Context context{tape, kernels::select(kernels::vec_variants()), scratch};
  const Variable x = tape.variable(1, 3);
  for (int i = 0; i < 3; ++i) x.value().data[i] = static_cast<float>(i);
  const Variable y = autograd::add(context, autograd::add(context, x, x), x);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(y.value().data[i], 3.0f * static_cast<float>(i));
  for (int i = 0; i < 3; ++i) y.grad().data[i] = 2.0f;
  tape.backward();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(x.grad().data[i], 6.0f);
}

}  // namespace
}  // namespace slm
