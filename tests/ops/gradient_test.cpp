// SPDX-License-Identifier: Apache-2.0
// The gradient of every operation against central differences, in float64, of its formula written down plainly here.
// loss = Σ c·y with random c, so that dy = c.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <vector>

#include "slm/core/parallel.h"
#include "slm/core/rng.h"
#include "slm/kernels/vec/variants.h"
#include "slm/ops/cross_entropy.h"
#include "slm/ops/embedding.h"
#include "slm/ops/float_linear.h"
#include "slm/ops/gelu.h"
#include "slm/ops/head_loss.h"
#include "slm/ops/kl_div.h"
#include "slm/ops/layer_norm.h"
#include "slm/ops/rms_norm.h"
#include "slm/ops/rope.h"
#include "slm/ops/self_attention.h"
#include "slm/ops/swiglu.h"

namespace slm {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Loss = std::function<double(const Doubles&)>;

const kernels::VecVariant& vec() { return kernels::select(kernels::vec_variants()); }

Floats normal(int64_t count, uint64_t seed) {
  Rng rng(seed);
  Floats values(static_cast<size_t>(count));
  for (float& value : values) value = rng.normal();
  return values;
}
Doubles wide(const Floats& x) { return {x.begin(), x.end()}; }
MatrixView view(Floats& x, int64_t rows) {
  const int64_t columns = std::ssize(x) / rows;
  return {x.data(), rows, columns, columns};
}
double sum_of_products(const Doubles& y, const Floats& c) {
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i) sum += y[i] * static_cast<double>(c[i]);
  return sum;
}

/// found = before + d(loss)/dx, ‖difference‖ ≤ 1e-5 ‖gradient‖; no single one is far off, either.
void expect_gradient(const Floats& found, const Floats& before, const Loss& loss, const Floats& x, const char* what) {
  Doubles at = wide(x);
  double difference = 0, magnitude = 0, worst = 0, largest = 0;
  for (size_t i = 0; i < at.size(); ++i) {
    const double middle = at[i], h = 1e-5;
    at[i] = middle + h;
    const double above = loss(at);
    at[i] = middle - h;
    const double slope = (above - loss(at)) / (2 * h);
    at[i] = middle;
    const double error = static_cast<double>(found[i]) - static_cast<double>(before[i]) - slope;
    difference += error * error;
    magnitude += slope * slope;
    worst = std::max(worst, std::fabs(error));
    largest = std::max(largest, std::fabs(slope));
  }
  EXPECT_GT(magnitude, 0) << what;
  EXPECT_LE(std::sqrt(difference / magnitude), 1e-5) << what;
  EXPECT_LE(worst, 1e-4 * largest) << what;
}

/// Runs with one and three threads; the bits must not depend on them.
template <class F>
void with_threads(F f) {
  const int before = num_threads();
  std::vector<Floats> first;
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    const std::vector<Floats> results = f();
    if (first.empty()) first = results;
    EXPECT_EQ(results, first) << "threads change bits";
  }
  set_num_threads(before);
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
      linear_into(scratch, view_w, view(x_copy, m), b, view(out, m));
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
  // What central differences are too slow for, by the sums themselves.
  const int64_t m = 130, n = 531, k = 150;
  const Floats x = normal(m * k, 1), w = normal(n * k, 2), c = normal(m * n, 4);
  Floats dx(x.size()), dw(w.size()), x_copy = x, dy = c;
  GemmScratch scratch;
  linear_grad_x(scratch, WeightView(w, n, k), view(dy, m), view(dx, m));
  linear_grad_w(scratch, view(dy, m), view(x_copy, m), view(dw, n));
  const auto at = [](const Floats& v, int64_t i) { return static_cast<double>(v[static_cast<size_t>(i)]); };
  for (int64_t i = 0; i < m; ++i)
    for (int64_t l = 0; l < k; ++l) {
      double sum = 0;
      for (int64_t j = 0; j < n; ++j) sum += at(c, i * n + j) * at(w, j * k + l);
      ASSERT_NEAR(at(dx, i * k + l), sum, 1e-4);
    }
  for (int64_t j = 0; j < n; ++j)
    for (int64_t l = 0; l < k; ++l) {
      double sum = 0;
      for (int64_t i = 0; i < m; ++i) sum += at(c, i * n + j) * at(x, i * k + l);
      ASSERT_NEAR(at(dw, j * k + l), sum, 1e-4);
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
  const auto value = [&](const Doubles& z, size_t k, double temperature) {
    std::vector<size_t> order(37);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](size_t a, size_t b) { return teacher[a] > teacher[b]; });
    const Doubles goal = wide(teacher);
    double sum = 0, p_rest = 1, q_rest = 1;
    for (size_t i = 0; i < k; ++i) {
      const double log_p = goal[order[i]] / temperature - log_sum_exp(goal, 37, temperature),
                   log_q = z[order[i]] / temperature - log_sum_exp(z, 37, temperature);
      sum += std::exp(log_p) * (log_p - log_q);
      p_rest -= std::exp(log_p);
      q_rest -= std::exp(log_q);
    }
    return k == 37 ? sum : sum + p_rest * std::log(p_rest / q_rest);
  };
  std::vector<int32_t> room;
  for (const int64_t k : {1, 5, 36, 37})
    for (const double temperature : {1.0, 2.5}) {
      const Loss loss = [&](const Doubles& z) { return value(z, static_cast<size_t>(k), temperature); };
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
      const HeadLoss loss = head_loss_grad(scratch, logits, vec(), WeightView(w, kVocab, kWidth), view(x_copy, kRows),
                                           labels, rows, options, 0.5, view(dx, kRows), view(dw, kVocab));
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
  EXPECT_THROW(head_loss_grad(scratch, logits, vec(), WeightView(w, kVocab, kWidth), view(x_copy, kRows), labels, {},
                              {.kd_weight = 0.5}, 1.0, {}, {}),
               ArgumentError)
      << "no teacher";
}

}  // namespace
}  // namespace slm
