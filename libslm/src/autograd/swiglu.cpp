// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/swiglu.h"

#include "slm/autograd/operations.h"

namespace slm::autograd {

Variable swiglu(const Context& context, const Variable& gate, const Variable& up) {
  const Variable y = context.tape.variable(gate.rows(), gate.columns());
  swiglu_into(context.vec, gate.value(), up.value(), y.value());
  context.tape.record([gate, up, y, &vec = context.vec] {
    swiglu_grad(vec, gate.value(), up.value(), y.grad(), gate.grad(), up.grad());
  });
  return y;
}

}  // namespace slm::autograd
