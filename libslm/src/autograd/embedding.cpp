// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/embedding.h"

#include "slm/autograd/operations.h"

namespace slm::autograd {

Variable embedding(const Context& context, const Parameter& table, std::shared_ptr<const WeightView> view,
                   std::span<const int32_t> ids) {
  const Variable y = context.tape.variable(std::ssize(ids), view->k());
  embedding_into(*view, ids, y.value());
  if (!table.frozen())
    context.tape.record([y, &table, kept = std::vector<int32_t>(ids.begin(), ids.end())] {
      embedding_grad(kept, y.grad(), {table.grad.data(), table.shape[0], table.shape[1], table.shape[1]});
    });
  return y;
}

}  // namespace slm::autograd
