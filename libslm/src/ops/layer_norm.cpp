// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/layer_norm.h"

#include <cmath>
#include <vector>

#include "slm/core/check.h"
#include "slm/core/parallel.h"

namespace slm {
namespace {

struct Moments {
  float mean, inverse;  ///< inverse: 1/sqrt(var + eps)
};

Moments moments(const float* x, int64_t n, float eps) {
  double sum = 0.0, squares = 0.0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
  const double mean = sum / static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i) {
    const double from_mean = static_cast<double>(x[i]) - mean;
    squares += from_mean * from_mean;
  }
  const double variance = squares / static_cast<double>(n);
  return {static_cast<float>(mean), static_cast<float>(1.0 / std::sqrt(variance + static_cast<double>(eps)))};
}

}  // namespace

void layer_norm_into(ConstMatrixView x, std::span<const float> w, std::span<const float> b, float eps, MatrixView y) {
  SLM_CHECK(
      x.columns > 0 && std::ssize(w) == x.columns && b.size() == w.size() && y.rows == x.rows && y.columns == x.columns,
      "[layer_norm] x is ({},{}), w has {} values, b {}, y is ({},{})", x.rows, x.columns, w.size(), b.size(), y.rows,
      y.columns);
  parallel_for(x.rows, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const float* from = x.row(r);
      float* to = y.row(r);
      const Moments m = moments(from, x.columns, eps);
      for (int64_t i = 0; i < x.columns; ++i)
        to[i] = (from[i] - m.mean) * m.inverse * w[static_cast<size_t>(i)] + b[static_cast<size_t>(i)];
    }
  });
}

void layer_norm_grad(ConstMatrixView x, std::span<const float> w, float eps, ConstMatrixView dy, MatrixView dx,
                     std::span<float> dw, std::span<float> db) {
  SLM_CHECK(x.columns > 0 && std::ssize(w) == x.columns && dy.rows == x.rows && dy.columns == x.columns &&
                dx.rows == x.rows && dx.columns == x.columns && (dw.empty() || dw.size() == w.size()) &&
                (db.empty() || db.size() == w.size()),
            "[layer_norm_grad] x is ({},{}), w has {} values, dy is ({},{}), dx is ({},{}), dw has {}, db {}", x.rows,
            x.columns, w.size(), dy.rows, dy.columns, dx.rows, dx.columns, dw.size(), db.size());
  std::vector<Moments> all(static_cast<size_t>(x.rows));
  parallel_for(x.rows, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const float *from = x.row(r), *d = dy.row(r);
      const Moments m = all[static_cast<size_t>(r)] = moments(from, x.columns, eps);
      double sum = 0.0, along = 0.0;
      for (int64_t i = 0; i < x.columns; ++i) {
        const float g = w[static_cast<size_t>(i)] * d[i];
        sum += static_cast<double>(g);
        along += static_cast<double>(g * ((from[i] - m.mean) * m.inverse));
      }
      const auto mean = static_cast<float>(sum / static_cast<double>(x.columns)),
                 pull = static_cast<float>(along / static_cast<double>(x.columns));
      float* to = dx.row(r);
      for (int64_t i = 0; i < x.columns; ++i)
        to[i] += m.inverse * (w[static_cast<size_t>(i)] * d[i] - mean - (from[i] - m.mean) * m.inverse * pull);
    }
  });
  parallel_for(x.columns, 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = 0; r < x.rows; ++r) {
      const Moments m = all[static_cast<size_t>(r)];
      for (int64_t i = begin; i < end && !dw.empty(); ++i)
        dw[static_cast<size_t>(i)] += dy.row(r)[i] * ((x.row(r)[i] - m.mean) * m.inverse);
      for (int64_t i = begin; i < end && !db.empty(); ++i) db[static_cast<size_t>(i)] += dy.row(r)[i];
    }
  });
}

}  // namespace slm
