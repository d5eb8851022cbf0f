// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/residual.h"

#include "slm/core/check.h"
#include "slm/core/parallel.h"

namespace slm {

void add_(const kernels::VecVariant& vec, MatrixView x, ConstMatrixView y) {
  SLM_CHECK(x.rows == y.rows && x.columns == y.columns, "[add] x is ({},{}), y is ({},{})", x.rows, x.columns, y.rows,
            y.columns);
  parallel_for(x.rows, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) vec.add_(y.row(r), x.columns, x.row(r));
  });
}

}  // namespace slm
