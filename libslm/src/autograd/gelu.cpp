// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/gelu.h"

#include "slm/autograd/operations.h"

namespace slm::autograd {

Variable gelu(const Context& context, const Variable& x) {
  const Variable y = context.tape.variable(x.rows(), x.columns());
  gelu_into(x.value(), y.value());
  context.tape.record([x, y] { gelu_grad(x.value(), y.grad(), x.grad()); });
  return y;
}

}  // namespace slm::autograd
