// SPDX-License-Identifier: Apache-2.0
// The operations of the decoder on a tape: each runs its function of ops/ and records its gradient beside it.
// A short wiring file each in src/autograd/; formulas, shapes and errors are those of ops/.
// Parameters, and the context's scratch and kernels, must outlive the tape's entries; parameters keep their values
// until backward() is done.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "slm/autograd/parameter.h"
#include "slm/autograd/tape.h"
#include "slm/kernels/vec/vec.h"
#include "slm/ops/attention.h"
#include "slm/ops/float_linear.h"
#include "slm/ops/rope.h"

namespace slm::autograd {

/// Where operations work: the tape, the chosen kernels, room to pack into.
struct Context {
  Tape& tape;
  const kernels::VecVariant& vec;
  GemmScratch& scratch;
};

/// y (T,D): rows ids of the table.
Variable embedding(const Context& context, const Parameter& table, std::shared_ptr<const WeightView> view,
                   std::span<const int32_t> ids);
Variable rms_norm(const Context& context, const Variable& x, const Parameter& w, float eps);
Variable layer_norm(const Context& context, const Variable& x, const Parameter& w, const Parameter& b, float eps);
/// The input as the linears that share it see it: quantized and back. Dynamic ranges never clip, so the gradient
/// passes.
Variable fake_quantized(const Context& context, const Variable& x, ActivationScheme scheme);
/// The same on a static grid (a8s), which clips: straight through where the code lies on it, 0 elsewhere.
Variable fake_quantized(const Context& context, const Variable& x, const GridParams& params);
/// What linears multiply with: x̂, and its codes where both sides are quantized: these last for the forward pass only.
struct LinearInput {
  Variable values;
  std::optional<InputCodes> codes;
  TrainInput input() const { return {values.value(), codes}; }
};
/// y = x·Ŵᵀ + b; bias may be null.
Variable linear(const Context& context, const LinearInput& x, const Parameter& weight,
                std::shared_ptr<const WeightView> view, const Parameter* bias);
/// Rotates in place: x is the result.
Variable rope(const Context& context, const Variable& x, std::shared_ptr<const RopeAngles> angles, int64_t head_dim);
Variable self_attention(const Context& context, const AttentionShape& shape, const Variable& q, const Variable& k,
                        const Variable& v, std::shared_ptr<const std::vector<int32_t>> key_begin);
Variable swiglu(const Context& context, const Variable& gate, const Variable& up);
Variable gelu(const Context& context, const Variable& x);
Variable add(const Context& context, const Variable& x, const Variable& y);
Variable select(const Context& context, const Variable& x, std::span<const int32_t> rows);

}  // namespace slm::autograd
