// SPDX-License-Identifier: Apache-2.0
// The gradients of attention and of the rotation of its queries and keys (tests/support/gradient_check.h).
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "slm/core/error.h"
#include "slm/ops/rope.h"
#include "slm/ops/self_attention.h"
#include "tests/support/gradient_check.h"

namespace slm {
namespace {

using namespace test;

TEST(Gradient, OfRope) {
  constexpr int64_t kRows = 3, kHeads = 2, kDim = 12, kHalf = 4;  // 8 of 12 dimensions rotate
  const std::vector<int32_t> positions = {0, 5, 77};
  RopeAngles angles(2 * kHalf, 1000.0, kRows);
  angles.set(positions);
  const Floats x = normal(kRows * kHeads * kDim, 1), c = normal(kRows * kHeads * kDim, 2);
  const Loss loss = [&](const Doubles& x_) {
    Doubles y = x_;
    for (size_t r = 0; r < kRows; ++r)
      for (size_t h = 0; h < kHeads; ++h)
        for (size_t i = 0; i < kHalf; ++i) {
          const size_t low = (r * kHeads + h) * kDim + i, high = low + kHalf;
          const auto cos = static_cast<double>(angles.cos(static_cast<int64_t>(r))[i]);
          const auto sin = static_cast<double>(angles.sin(static_cast<int64_t>(r))[i]);
          y[low] = x_[low] * cos - x_[high] * sin;
          y[high] = x_[high] * cos + x_[low] * sin;
        }
    return sum_of_products(y, c);
  };
  Floats dy = c;
  rope_grad_(vec(), angles, kDim, view(dy, kRows));
  expect_gradient(dy, Floats(dy.size()), loss, x, "dx");
}

TEST(Gradient, OfSelfAttentionOverDocuments) {
  // Tiles of 64 rows: documents that begin in one and end in the next; groups of three query heads.
  constexpr int64_t kRows = 71, kHeads = 3, kDim = 8;
  const AttentionShape shape{kHeads, 1, kDim, 0.3f};
  std::vector<int32_t> key_begin;
  for (int32_t t = 0; t < kRows; ++t) key_begin.push_back(t < 40 ? 0 : t < 43 ? 40 : 43);
  const Floats q = normal(kRows * kHeads * kDim, 1), k = normal(kRows * kDim, 2), v = normal(kRows * kDim, 3),
               c = normal(kRows * kHeads * kDim, 4);
  const auto y = [&](const Doubles& q_, const Doubles& k_, const Doubles& v_) {
    Doubles out(q_.size());
    for (size_t t = 0; t < kRows; ++t)
      for (size_t h = 0; h < kHeads; ++h) {
        const double* query = &q_[(t * kHeads + h) * kDim];
        double* to = &out[(t * kHeads + h) * kDim];
        double total = 0;
        for (auto j = static_cast<size_t>(key_begin[t]); j <= t; ++j) {
          double score = 0;
          for (size_t d = 0; d < kDim; ++d) score += query[d] * k_[j * kDim + d];
          const double weight = std::exp(static_cast<double>(shape.scale) * score);
          total += weight;
          for (size_t d = 0; d < kDim; ++d) to[d] += weight * v_[j * kDim + d];
        }
        for (size_t d = 0; d < kDim; ++d) to[d] /= total;
      }
    return out;
  };
  const Floats dq0 = normal(std::ssize(q), 5), dk0 = normal(std::ssize(k), 6), dv0 = normal(std::ssize(v), 7);
  Floats out, dq, dk, dv;
  with_threads([&] {
    GemmScratch scratch;
    Floats q1 = q, k1 = k, v1 = v, dy = c;
    out.assign(q.size(), NAN);
    dq = dq0, dk = dk0, dv = dv0;
    self_attention_into(scratch, shape, view(q1, kRows), view(k1, kRows), view(v1, kRows), key_begin, view(out, kRows));
    self_attention_grad(scratch, vec(), shape, view(q1, kRows), view(k1, kRows), view(v1, kRows), view(out, kRows),
                        view(dy, kRows), key_begin, view(dq, kRows), view(dk, kRows), view(dv, kRows));
    return std::vector<Floats>{out, dq, dk, dv};
  });
  const Doubles expected = y(wide(q), wide(k), wide(v));
  for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(static_cast<double>(out[i]), expected[i], 1e-5);
  const auto loss = [&](const Doubles& a, const Doubles& b, const Doubles& e) {
    return sum_of_products(y(a, b, e), c);
  };
  expect_gradient(
      dq, dq0, [&](const Doubles& z) { return loss(z, wide(k), wide(v)); }, q, "dq");
  expect_gradient(
      dk, dk0, [&](const Doubles& z) { return loss(wide(q), z, wide(v)); }, k, "dk");
  expect_gradient(
      dv, dv0, [&](const Doubles& z) { return loss(wide(q), wide(k), z); }, v, "dv");
  GemmScratch scratch;
  Floats q1 = q, k1 = k, v1 = v;
  key_begin[3] = 4;
  EXPECT_THROW(self_attention_into(scratch, shape, view(q1, kRows), view(k1, kRows), view(v1, kRows), key_begin,
                                   view(out, kRows)),
               ArgumentError)
      << "a row must see itself";
}

}  // namespace
}  // namespace slm
