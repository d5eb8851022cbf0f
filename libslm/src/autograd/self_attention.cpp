// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/self_attention.h"

#include "slm/autograd/operations.h"

namespace slm::autograd {

Variable self_attention(const Context& context, const AttentionShape& shape, const Variable& q, const Variable& k,
                        const Variable& v, std::shared_ptr<const std::vector<int32_t>> key_begin) {
  const Variable out = context.tape.variable(q.rows(), q.columns());
  self_attention_into(context.scratch, shape, q.value(), k.value(), v.value(), *key_begin, out.value());
  context.tape.record(
      [shape, q, k, v, out, key_begin = std::move(key_begin), &scratch = context.scratch, &vec = context.vec] {
        self_attention_grad(scratch, vec, shape, q.value(), k.value(), v.value(), out.value(), out.grad(), *key_begin,
                            q.grad(), k.grad(), v.grad());
      });
  return out;
}

}  // namespace slm::autograd
