// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/layer_norm.h"

#include "slm/autograd/operations.h"

namespace slm::autograd {

Variable layer_norm(const Context& context, const Variable& x, const Parameter& w, const Parameter& b, float eps) {
  const Variable y = context.tape.variable(x.rows(), x.columns());
  layer_norm_into(x.value(), w.value, b.value, eps, y.value());
  context.tape.record(
      [x, y, &w, &b, eps] { layer_norm_grad(x.value(), w.value, eps, y.grad(), x.grad(), w.grad, b.grad); });
  return y;
}

}  // namespace slm::autograd
