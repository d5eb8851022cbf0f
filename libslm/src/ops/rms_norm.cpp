// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/rms_norm.h"

#include <vector>

#include "slm/core/check.h"
#include "slm/core/parallel.h"

namespace slm {

void rms_norm_into(const kernels::VecVariant& vec, ConstMatrixView x, std::span<const float> w, float eps,
                   MatrixView y) {
  SLM_CHECK(std::ssize(w) == x.columns && y.rows == x.rows && y.columns == x.columns,
            "[rms_norm] x is ({},{}), w has {} values, y is ({},{})", x.rows, x.columns, w.size(), y.rows, y.columns);
  parallel_for(x.rows, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) vec.rms_norm(x.row(r), w.data(), eps, x.columns, y.row(r));
  });
}

void rms_norm_grad(const kernels::VecVariant& vec, ConstMatrixView x, std::span<const float> w, float eps,
                   ConstMatrixView dy, MatrixView dx, std::span<float> dw) {
  SLM_CHECK(std::ssize(w) == x.columns && dy.rows == x.rows && dy.columns == x.columns && dx.rows == x.rows &&
                dx.columns == x.columns && (dw.empty() || dw.size() == w.size()),
            "[rms_norm_grad] x is ({},{}), w has {} values, dy is ({},{}), dx is ({},{}), dw has {}", x.rows, x.columns,
            w.size(), dy.rows, dy.columns, dx.rows, dx.columns, dw.size());
  std::vector<float> inverse(static_cast<size_t>(x.rows));
  parallel_for(x.rows, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      inverse[static_cast<size_t>(r)] = vec.rms_norm_grad(x.row(r), w.data(), dy.row(r), eps, x.columns, dx.row(r));
  });
  parallel_for(std::ssize(dw), 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = 0; r < x.rows; ++r)
      for (int64_t c = begin; c < end; ++c)
        dw[static_cast<size_t>(c)] += inverse[static_cast<size_t>(r)] * (dy.row(r)[c] * x.row(r)[c]);
  });
}

}  // namespace slm
