// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/residual.h"

#include <algorithm>

#include "slm/autograd/operations.h"
#include "slm/core/check.h"

namespace slm::autograd {

Variable add(const Context& context, const Variable& x, const Variable& y) {
  const Variable z = context.tape.variable(x.rows(), x.columns());
  std::copy_n(x.value().data, x.rows() * x.columns(), z.value().data);
  add_(context.vec, z.value(), y.value());
  context.tape.record([x, y, z, &vec = context.vec] {
    add_(vec, x.grad(), z.grad());
    add_(vec, y.grad(), z.grad());
  });
  return z;
}

Variable select(const Context& context, const Variable& x, std::span<const int32_t> rows) {
  const Variable y = context.tape.variable(std::ssize(rows), x.columns());
  for (size_t i = 0; i < rows.size(); ++i) {
    SLM_CHECK(rows[i] >= 0 && rows[i] < x.rows(), "[select] row {} asked, there are {}", rows[i], x.rows());
    std::copy_n(x.value().row(rows[i]), x.columns(), y.value().row(static_cast<int64_t>(i)));
  }
  context.tape.record([x, y, kept = std::vector<int32_t>(rows.begin(), rows.end()), &vec = context.vec] {
    for (size_t i = 0; i < kept.size(); ++i)
      vec.add_(y.grad().row(static_cast<int64_t>(i)), x.columns(), x.grad().row(kept[i]));
  });
  return y;
}

}  // namespace slm::autograd
