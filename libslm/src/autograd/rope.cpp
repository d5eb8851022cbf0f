// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/rope.h"

#include "slm/autograd/operations.h"

namespace slm::autograd {

Variable rope(const Context& context, const Variable& x, std::shared_ptr<const RopeAngles> angles, int64_t head_dim) {
  rope_(context.vec, *angles, head_dim, x.value());
  context.tape.record(
      [x, angles = std::move(angles), head_dim, &vec = context.vec] { rope_grad_(vec, *angles, head_dim, x.grad()); });
  return x;
}

}  // namespace slm::autograd
