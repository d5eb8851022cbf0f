// SPDX-License-Identifier: Apache-2.0
// The gradients of the losses, alone and at the head (tests/support/gradient_check.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "slm/core/error.h"
#include "slm/ops/cross_entropy.h"
#include "slm/ops/head_loss.h"
#include "slm/ops/kl_div.h"
#include "tests/support/gradient_check.h"

namespace slm {
namespace {

using namespace test;

double log_sum_exp(const Doubles& z, size_t n, double temperature) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += std::exp(z[i] / temperature);
  return std::log(sum);
}
double kl(const Doubles& teacher, const Doubles& student, size_t n, double temperature) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    const double log_p = teacher[i] / temperature - log_sum_exp(teacher, n, temperature);
    sum += std::exp(log_p) * (log_p - student[i] / temperature + log_sum_exp(student, n, temperature));
  }
  return sum;
}

/// With the rest's shares added up themselves, so that small ones are exact.
double kl_of_top_k(const Floats& teacher, const Doubles& student, size_t k, double temperature) {
  std::vector<size_t> order(teacher.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return teacher[a] > teacher[b]; });
  const Doubles goal = wide(teacher);
  double sum = 0, p_rest = 0, q_rest = 0;
  for (size_t j = 0; j < order.size(); ++j) {
    const double log_p = goal[order[j]] / temperature - log_sum_exp(goal, goal.size(), temperature),
                 log_q = student[order[j]] / temperature - log_sum_exp(student, goal.size(), temperature);
    if (j < k) {
      sum += std::exp(log_p) * (log_p - log_q);
    } else {
      p_rest += std::exp(log_p);
      q_rest += std::exp(log_q);
    }
  }
  return k == order.size() ? sum : sum + p_rest * std::log(p_rest / q_rest);
}

TEST(Gradient, OfCrossEntropy) {
  const Floats z = normal(37, 1), before = normal(37, 2);
  const Loss loss = [](const Doubles& x) { return log_sum_exp(x, x.size(), 1) - x[5]; };
  Floats dz = before;
  EXPECT_NEAR(cross_entropy_grad(vec(), z, 5, 0.25, dz), loss(wide(z)), 1e-6);
  EXPECT_NEAR(cross_entropy(vec(), z, 5), loss(wide(z)), 1e-6);
  expect_gradient(
      dz, before, [&](const Doubles& x) { return 0.25 * loss(x); }, z, "dz");
  EXPECT_THROW(cross_entropy(vec(), z, 37), ArgumentError);
  EXPECT_THROW(cross_entropy(vec(), z, -1), ArgumentError);
}

TEST(Gradient, OfKlDivIsTSquaredTimesThatOfTheKl) {
  const Floats student = normal(37, 1), before = normal(37, 2);
  Floats teacher = normal(37, 3);
  for (float& x : teacher) x *= 3;
  for (const double temperature : {1.0, 2.5}) {
    const Loss loss = [&](const Doubles& x) { return kl(wide(teacher), x, 37, temperature); };
    Floats dz = before;
    EXPECT_NEAR(kl_div_grad(vec(), teacher, student, temperature, 0.25, dz), loss(wide(student)), 1e-6);
    EXPECT_NEAR(kl_div(vec(), teacher, student, temperature), loss(wide(student)), 1e-6);
    EXPECT_GT(std::fabs(loss(wide(student)) - kl(wide(student), wide(teacher), 37, temperature)), 0.05)
        << "swapped, it is another number";
    expect_gradient(
        dz, before, [&](const Doubles& x) { return 0.25 * temperature * temperature * loss(x); }, student, "dz");
  }
  Floats none(37);
  EXPECT_NEAR(kl_div_grad(vec(), student, student, 2.0, 1.0, none), 0, 1e-12) << "teacher = student";
  EXPECT_EQ(none, Floats(37));
  EXPECT_THROW(kl_div(vec(), teacher, student, 0.0), ArgumentError);
  EXPECT_THROW(kl_div(vec(), teacher, std::span(student).first(36), 1.0), ArgumentError);
}

TEST(Gradient, OfKlDivOfTheTopKTakesTheRestAsOneEvent) {
  Floats teacher = normal(37, 5);
  const Floats student = normal(37, 6), before = normal(37, 7);
  teacher[9] = teacher[20];  // of equals the first
  std::vector<int32_t> room;
  for (const int64_t k : {1, 5, 36, 37})
    for (const double temperature : {1.0, 2.5}) {
      const Loss loss = [&](const Doubles& z) { return kl_of_top_k(teacher, z, static_cast<size_t>(k), temperature); };
      Floats dz = before;
      EXPECT_NEAR(kl_div_top_k_grad(vec(), teacher, student, k, temperature, 0.25, room, dz), loss(wide(student)), 2e-6)
          << k;
      expect_gradient(
          dz, before, [&](const Doubles& z) { return 0.25 * temperature * temperature * loss(z); }, student, "dz");
    }
  Floats none(37);
  EXPECT_NEAR(kl_div_top_k_grad(vec(), student, student, 4, 2.0, 1.0, room, none), 0, 1e-7) << "teacher = student";
  for (const float g : none) EXPECT_NEAR(g, 0, 1e-6);
  EXPECT_THROW(kl_div_top_k_grad(vec(), teacher, student, 0, 1.0, 1.0, room, none), ArgumentError);
  EXPECT_THROW(kl_div_top_k_grad(vec(), teacher, student, 38, 1.0, 1.0, room, none), ArgumentError);
}

/// Logits of which the first k have together this share, nearly alike, and so have the others.
Floats with_top_share(size_t k, double share, uint64_t seed) {
  Floats z = normal(37, seed);
  double top = 0, rest = 0;
  for (size_t i = 0; i < z.size(); ++i) {
    z[i] *= 0.1f;
    (i < k ? top : rest) += std::exp(static_cast<double>(z[i]));
  }
  for (size_t i = 0; i < k; ++i) z[i] += static_cast<float>(std::log(share / (1 - share) * rest / top));
  return z;
}

TEST(Gradient, OfKlDivOfTheTopKHoldsWhereTheStudentLeavesTheRestNearlyNothing) {
  const Floats before = normal(37, 8);
  std::vector<int32_t> room;
  for (const size_t k : {1u, 4u})
    for (const double left : {1e-3, 1e-7, 1e-12}) {
      const Floats teacher = with_top_share(k, 0.1 * static_cast<double>(k), 9),
                   student = with_top_share(k, 1 - left, 10);
      const Loss loss = [&](const Doubles& z) { return kl_of_top_k(teacher, z, k, 1.0); };
      Floats dz = before;
      EXPECT_NEAR(kl_div_top_k_grad(vec(), teacher, student, static_cast<int64_t>(k), 1.0, 0.25, room, dz),
                  loss(wide(student)), 4e-6)
          << k << ", " << left;
      expect_gradient(
          dz, before, [&](const Doubles& z) { return 0.25 * loss(z); }, student, "dz");
    }
}

TEST(Gradient, OfHeadLossIsThatOfBothLossesWhateverTheChunks) {
  constexpr int64_t kRows = 5, kWidth = 6, kVocab = 40, kCompared = 33, kTeacherVocab = 35;
  const Floats x = normal(kRows * kWidth, 1), w = normal(kVocab * kWidth, 2);
  Floats teacher = normal(kRows * kTeacherVocab, 3);
  const std::vector<int32_t> labels = {3, 0, 39, 12, 12};
  const auto value = [&](const Doubles& x_, const Doubles& w_, double weight, double temperature) {
    double total = 0;
    for (size_t r = 0; r < kRows; ++r) {
      Doubles z(kVocab), goal(teacher.begin() + static_cast<int64_t>(r) * kTeacherVocab,
                              teacher.begin() + static_cast<int64_t>(r + 1) * kTeacherVocab);
      for (size_t j = 0; j < kVocab; ++j)
        for (size_t l = 0; l < kWidth; ++l) z[j] += x_[r * kWidth + l] * w_[j * kWidth + l];
      total += (1 - weight) * (log_sum_exp(z, kVocab, 1) - z[static_cast<size_t>(labels[r])]) +
               weight * temperature * temperature * kl(goal, z, kCompared, temperature);
    }
    return total;
  };
  for (const double weight : {0.0, 0.3, 1.0})
    for (const int64_t chunk : {2, 5, 100}) {
      const HeadLossOptions options{
          .kd_weight = weight, .temperature = 2.0, .kd_vocab = kCompared, .chunk_rows = chunk};
      const TeacherLogits rows = [&](int64_t begin, int64_t end) {
        return ConstMatrixView{teacher.data() + begin * kTeacherVocab, end - begin, kTeacherVocab, kTeacherVocab};
      };
      GemmScratch scratch;
      AlignedBuffer logits;
      Floats x_copy = x, dx(x.size()), dw(w.size());
      const HeadLoss loss =
          head_loss_grad(scratch, logits, vec(), WeightView(w, kVocab, kWidth), {view(x_copy, kRows), {}}, labels, rows,
                         options, 0.5, view(dx, kRows), view(dw, kVocab));
      EXPECT_NEAR(loss.mean(options) * kRows, value(wide(x), wide(w), weight, 2.0), 1e-5);
      EXPECT_EQ(loss.rows, kRows);
      const auto scaled = [&](const Doubles& a, const Doubles& b) { return 0.5 * value(a, b, weight, 2.0); };
      expect_gradient(
          dx, Floats(dx.size()), [&](const Doubles& v) { return scaled(v, wide(w)); }, x, "dx");
      expect_gradient(
          dw, Floats(dw.size()), [&](const Doubles& v) { return scaled(wide(x), v); }, w, "dw");
    }
  GemmScratch scratch;
  AlignedBuffer logits;
  Floats x_copy = x;
  EXPECT_THROW(head_loss_grad(scratch, logits, vec(), WeightView(w, kVocab, kWidth), {view(x_copy, kRows), {}}, labels,
                              {}, {.kd_weight = 0.5}, 1.0, {}, {}),
               ArgumentError)
      << "no teacher";
}

}  // namespace
}  // namespace slm
