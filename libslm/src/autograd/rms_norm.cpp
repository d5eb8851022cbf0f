// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/rms_norm.h"

#include "slm/autograd/operations.h"

namespace slm::autograd {

Variable rms_norm(const Context& context, const Variable& x, const Parameter& w, float eps) {
  const Variable y = context.tape.variable(x.rows(), x.columns());
  rms_norm_into(context.vec, x.value(), w.value, eps, y.value());
  context.tape.record(
      [x, y, &w, &vec = context.vec, eps] { rms_norm_grad(vec, x.value(), w.value, eps, y.grad(), x.grad(), w.grad); });
  return y;
}

}  // namespace slm::autograd
