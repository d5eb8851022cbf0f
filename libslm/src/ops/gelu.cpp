// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/gelu.h"

#include <cmath>

#include "slm/core/check.h"
#include "slm/core/parallel.h"

namespace slm {
namespace {

constexpr float kRoot = 0.7978845608f;  // √(2/π)
constexpr float kCubic = 0.044715f;

float tanh_of(float x) { return std::tanh(kRoot * (x + kCubic * x * x * x)); }

void check_same(const char* op, ConstMatrixView x, ConstMatrixView other) {
  SLM_CHECK(other.rows == x.rows && other.columns == x.columns, "[{}] x is ({},{}), the other is ({},{})", op, x.rows,
            x.columns, other.rows, other.columns);
}

}  // namespace

void gelu_into(ConstMatrixView x, MatrixView y) {
  check_same("gelu", x, y);
  parallel_for(x.rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      for (int64_t i = 0; i < x.columns; ++i) y.row(r)[i] = 0.5f * x.row(r)[i] * (1.0f + tanh_of(x.row(r)[i]));
  });
}

void gelu_grad(ConstMatrixView x, ConstMatrixView dy, MatrixView dx) {
  check_same("gelu_grad", x, dy);
  check_same("gelu_grad", x, dx);
  parallel_for(x.rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      for (int64_t i = 0; i < x.columns; ++i) {
        const float v = x.row(r)[i], t = tanh_of(v);
        const float slope = 0.5f * (1.0f + t) + 0.5f * v * (1.0f - t * t) * kRoot * (1.0f + 3.0f * kCubic * v * v);
        dx.row(r)[i] += dy.row(r)[i] * slope;
      }
  });
}

}  // namespace slm
