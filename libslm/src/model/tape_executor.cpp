// SPDX-License-Identifier: Apache-2.0
#include "slm/model/tape_executor.h"

#include <algorithm>

#include "slm/core/check.h"
#include "slm/kernels/vec/variants.h"

namespace slm {
namespace {

/// Whether the kernels multiply its codes with those of the input; plain types meet the input as it is.
bool multiplies_codes(const Parameter& weight) {
  return weight.scheme && info(*weight.scheme).activations != ActivationScheme::F32;
}

}  // namespace

TapeExecutor::TapeExecutor(const ModelConfig& config, Tape& tape, FloatCompute linears)
    : config_(config), scratch_(linears), context_{tape, kernels::select(kernels::vec_variants()), scratch_} {}

void TapeExecutor::begin(std::span<const TrainRow> batch) {
  SLM_CHECK(!batch.empty(), "[train] a step of no rows");
  context_.tape.clear();
  ids_.clear();
  views_.clear();
  std::vector<int32_t> positions;
  auto key_begin = std::make_shared<std::vector<int32_t>>();
  for (size_t t = 0; t < batch.size(); ++t) {
    const TrainRow& row = batch[t];
    SLM_CHECK(row.position == 0 || (t > 0 && row.position == batch[t - 1].position + 1),
              "[train] row {} has position {}, expected 0 or one more than the row before", t, row.position);
    ids_.push_back(row.token);
    positions.push_back(row.position);
    key_begin->push_back(static_cast<int32_t>(t) - row.position);
  }
  const auto angles =
      std::make_shared<RopeAngles>(config_.head_dim, config_.rope_theta, static_cast<int64_t>(positions.size()));
  angles->set(positions);
  angles_ = angles;
  key_begin_ = key_begin;
}

std::shared_ptr<const WeightView> TapeExecutor::view(const Parameter& weight) {
  std::shared_ptr<const WeightView>& view = views_[&weight];
  if (!view)
    view = std::make_shared<const WeightView>(weight.value, weight.shape[0], weight.shape[1],
                                              quantized_ ? weight.scheme : std::nullopt);
  return view;
}

LinearInput& TapeExecutor::codes_of(Rows x) {
  if (x.rows() > codes_rows_) {
    codes_rows_ = x.rows();
    codes_.emplace(context_.vec, codes_rows_, std::max({config_.width, config_.ffn, config_.q_width()}));
  }
  codes_->set(x.value());
  return *codes_;
}

autograd::LinearInput TapeExecutor::linear_input(Rows x, const Parameter& weight) {
  if (!quantized_ || !multiplies_codes(weight)) return {x, {}};
  const ActivationScheme own = info(*weight.scheme).activations, scheme = activations_.value_or(own);
  const Variable seen = autograd::fake_quantized(context_, x, scheme);
  if (scheme != own) return {seen, {}};
  return {seen, InputCodes{codes_of(x).quantized(own), {}}};
}

autograd::LinearInput TapeExecutor::shared_input(Rows x, std::span<const Parameter* const> weights) {
  const Parameter& first = *weights[0];
  if (!multiplies_codes(first) || (!decay_ && !static_inputs_)) return linear_input(x, first);
  if (decay_) {
    RangeObserver& observer = observers_.try_emplace(first.name, *decay_).first->second;
    observer.see({x.value().data, static_cast<size_t>(x.rows() * x.columns())});
    for (const Parameter* weight : weights.subspan(1)) observers_.insert_or_assign(weight->name, observer);
  }
  if (!quantized_ || !static_inputs_) return {x, {}};
  const auto it = observers_.find(first.name);
  SLM_CHECK(it != observers_.end(), "[train] no range was seen of the inputs of {}", first.name);
  const GridParams grid = it->second.params();
  const Variable seen = autograd::fake_quantized(context_, x, grid);
  return {seen, InputCodes{codes_of(x).quantized(info(*first.scheme).activations, grid), grid}};
}

Variable TapeExecutor::embedding(const Table& table) {
  return autograd::embedding(context_, *table, view(*table), ids_);
}

Variable TapeExecutor::rms_norm(Rows x, const Vector& w) {
  return autograd::rms_norm(context_, x, *w, config_.norm_eps);
}

std::vector<Variable> TapeExecutor::linears(Rows x, const TrainedLinears& group) {
  std::vector<Variable> parts;
  autograd::LinearInput input;
  const std::span<const Parameter* const> weights = group.weights;
  for (size_t i = 0, end = 0; i < weights.size(); ++i) {
    const Parameter& weight = *weights[i];
    if (i == end) {
      while (end < weights.size() && weights[end]->scheme == weight.scheme) ++end;
      input = shared_input(x, weights.subspan(i, end - i));
    }
    parts.push_back(
        autograd::linear(context_, input, weight, view(weight), group.biases.empty() ? nullptr : group.biases[i]));
  }
  return parts;
}

Variable TapeExecutor::rope(Rows x) { return autograd::rope(context_, x, angles_, config_.head_dim); }

Variable TapeExecutor::attention(int, Rows q, Rows k, Rows v) {
  return autograd::self_attention(
      context_, {config_.heads, config_.kv_heads, config_.head_dim, config_.attention_scale()}, q, k, v, key_begin_);
}

Variable TapeExecutor::swiglu(Rows x, const TrainedLinears& gate_up) {
  const std::vector<Variable> parts = linears(x, gate_up);
  return autograd::swiglu(context_, parts[0], parts[1]);
}

Variable TapeExecutor::add(Rows x, Rows y) { return autograd::add(context_, x, y); }

Variable TapeExecutor::select(Rows x, std::span<const int32_t> rows) { return autograd::select(context_, x, rows); }

Variable TapeExecutor::logits(Rows x, const Table& table) {
  return autograd::linear(context_, linear_input(x, *table), *table, view(*table), nullptr);
}

template Variable embed(TapeExecutor&, const TrainedWeights&);
template Variable hidden(TapeExecutor&, const TrainedWeights&);
template Variable block(TapeExecutor&, int, const TrainedWeights::Block&, Variable);
template Variable head_input(TapeExecutor&, const TrainedWeights&, Variable, std::span<const int32_t>);
template Variable head(TapeExecutor&, const TrainedWeights&, Variable, std::span<const int32_t>);

}  // namespace slm
