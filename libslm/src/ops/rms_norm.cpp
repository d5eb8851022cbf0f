// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/rms_norm.h"

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

}  // namespace slm
