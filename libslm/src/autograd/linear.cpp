// SPDX-License-Identifier: Apache-2.0
#include "slm/autograd/operations.h"
#include "slm/core/parallel.h"
#include "slm/ops/residual.h"
#include "slm/quant/fake_quant.h"

namespace slm::autograd {

Variable fake_quantized(const Context& context, const Variable& x, ActivationScheme scheme) {
  if (scheme == ActivationScheme::F32) return x;
  const Variable y = context.tape.variable(x.rows(), x.columns());
  const auto count = static_cast<size_t>(x.rows() * x.columns());
  fake_quant(scheme, x.columns(), {x.value().data, count}, {y.value().data, count});
  context.tape.record([x, y, &vec = context.vec] { add_(vec, x.grad(), y.grad()); });
  return y;
}

Variable fake_quantized(const Context& context, const Variable& x, const GridParams& params) {
  const Variable y = context.tape.variable(x.rows(), x.columns());
  const auto width = static_cast<size_t>(x.columns());
  parallel_for(x.rows(), 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t)
      fake_quant(kGridA8S, params, {x.value().row(t), width}, {y.value().row(t), width});
  });
  context.tape.record([x, y, params] {
    const MatrixView dx = x.grad();
    parallel_for(x.rows(), 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t t = begin; t < end; ++t) {
        const float *value = x.value().row(t), *dy = y.grad().row(t);
        for (int64_t j = 0; j < x.columns(); ++j)
          dx.row(t)[j] += in_range(kGridA8S, unclamped_code(kGridA8S, params, value[j])) ? dy[j] : 0.0f;
      }
    });
  });
  return y;
}

Variable linear(const Context& context, const LinearInput& input, const Parameter& weight,
                std::shared_ptr<const WeightView> view, const Parameter* bias) {
  const Variable x = input.values, y = context.tape.variable(x.rows(), view->n());
  linear_into(context.scratch, *view, input.input(), bias == nullptr ? std::span<const float>() : bias->value,
              y.value());
  context.tape.record([x, y, &weight, view = std::move(view), bias, &scratch = context.scratch] {
    linear_grad_x(scratch, *view, y.grad(), x.grad());
    if (!weight.frozen()) linear_grad_w(scratch, y.grad(), x.value(), weight.grad_matrix());
    if (bias != nullptr && !bias->frozen()) linear_grad_bias(y.grad(), bias->grad);
  });
  return y;
}

}  // namespace slm::autograd
