// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/swiglu.h"

#include "slm/core/check.h"
#include "slm/core/parallel.h"

namespace slm {

void swiglu_into(const kernels::VecVariant& vec, ConstMatrixView gate, ConstMatrixView up, MatrixView y) {
  SLM_CHECK(gate.rows == up.rows && gate.columns == up.columns && y.rows == gate.rows && y.columns == gate.columns,
            "[swiglu] gate is ({},{}), up is ({},{}), y is ({},{})", gate.rows, gate.columns, up.rows, up.columns,
            y.rows, y.columns);
  parallel_for(gate.rows, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) vec.swiglu(gate.row(r), up.row(r), gate.columns, y.row(r));
  });
}

void swiglu_grad(const kernels::VecVariant& vec, ConstMatrixView gate, ConstMatrixView up, ConstMatrixView dy,
                 MatrixView dgate, MatrixView dup) {
  for (const ConstMatrixView& other : {up, dy, ConstMatrixView(dgate), ConstMatrixView(dup)})
    SLM_CHECK(other.rows == gate.rows && other.columns == gate.columns,
              "[swiglu_grad] gate is ({},{}), up, dy, dgate or dup is ({},{})", gate.rows, gate.columns, other.rows,
              other.columns);
  parallel_for(gate.rows, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      vec.swiglu_grad(gate.row(r), up.row(r), dy.row(r), gate.columns, dgate.row(r), dup.row(r));
  });
}

}  // namespace slm
