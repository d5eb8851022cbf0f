// SPDX-License-Identifier: Apache-2.0
// TapeExecutor: the decoder's verbs on a tape: the arithmetic of training, float32 with quantizers in the loop, every
// operation with its gradient. The same decoder text as inference (decoder.h).
// In: rows of tokens, several documents one after another.  Out: variables.  Next: train/.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "slm/autograd/operations.h"
#include "slm/model/decoder.h"
#include "slm/model/trainable_model.h"
#include "slm/quant/range_observer.h"

namespace slm {

/// A row of a training batch. Rows of one document follow one another, and see nothing of others.
struct TrainRow {
  int32_t token = 0;
  int32_t position = 0;  ///< in its document
};

/// Ranges of the inputs of linears, by the name of the weight.
using InputObservers = std::map<std::string, RangeObserver>;

class TapeExecutor {
 public:
  using Rows = Variable;
  using Vector = const Parameter*;
  using Linears = TrainedLinears;
  using Table = const Parameter*;
  using Weights = TrainedWeights;

  /// `linears`: what the float products of linears are made in.
  TapeExecutor(const ModelConfig& config, Tape& tape, FloatCompute linears = FloatCompute::F32);
  TapeExecutor(const TapeExecutor&) = delete;  // its parts refer to each other
  TapeExecutor& operator=(const TapeExecutor&) = delete;

  /// Whether quantizers are in the loop from the next begin() on (they are, at first): training may start without.
  void set_quantized(bool quantized) { quantized_ = quantized; }
  /// How inputs of quantized linears are quantized; none: as the kernels of each one's scheme will.
  void set_activations(std::optional<ActivationScheme> activations) { activations_ = activations; }
  /// Static inputs (a8s) of the linears of blocks: from now on observers see every step's inputs, made with `decay` at
  /// first sight, and the inputs stay as they are until set_static_inputs(true): then they are quantized by what was
  /// seen (or by observers put there). The head's input is always as its kernels make it.
  void observe_inputs(double decay) { decay_ = decay; }
  void set_static_inputs(bool quantized) { static_inputs_ = quantized; }
  InputObservers& observers() { return observers_; }
  const InputObservers& observers() const { return observers_; }
  /// Sets the rows of the step at hand. A row at position 0 begins a document. Throws ArgumentError: no rows, a
  /// position that is neither 0 nor the next one of its document.
  void begin(std::span<const TrainRow> batch);

  Rows embedding(const Table& table);
  Rows rms_norm(Rows x, const Vector& w);
  std::vector<Rows> linears(Rows x, const TrainedLinears& group);
  Rows rope(Rows x);
  Rows attention(int layer, Rows q, Rows k, Rows v);
  Rows swiglu(Rows x, const TrainedLinears& gate_up);
  Rows add(Rows x, Rows y);
  Rows select(Rows x, std::span<const int32_t> rows);
  Rows logits(Rows x, const Table& table);

  /// The weight as the step at hand sees it; the same object at each call in a step.
  std::shared_ptr<const WeightView> view(const Parameter& weight);
  /// The input of a head as its kernels will see it: activations are quantized where the weight is. Codes are those of
  /// the last input made.
  autograd::LinearInput linear_input(Rows x, const Parameter& weight);
  const autograd::Context& context() const { return context_; }

 private:
  /// The input of linears of one scheme that share it.
  autograd::LinearInput shared_input(Rows x, std::span<const Parameter* const> weights);
  LinearInput& codes_of(Rows x);
  const ModelConfig config_;
  GemmScratch scratch_;
  autograd::Context context_;
  std::optional<LinearInput> codes_;  // room for the widest input of a step
  int64_t codes_rows_ = 0;
  bool quantized_ = true;
  std::optional<ActivationScheme> activations_;
  std::optional<double> decay_;
  bool static_inputs_ = false;
  InputObservers observers_;
  std::vector<int32_t> ids_;
  std::shared_ptr<const std::vector<int32_t>> key_begin_;
  std::shared_ptr<const RopeAngles> angles_;
  std::map<const Parameter*, std::shared_ptr<const WeightView>> views_;
};

static_assert(Executor<TapeExecutor>);

extern template Variable embed(TapeExecutor&, const TrainedWeights&);
extern template Variable hidden(TapeExecutor&, const TrainedWeights&);
extern template Variable block(TapeExecutor&, int, const TrainedWeights::Block&, Variable);
extern template Variable head_input(TapeExecutor&, const TrainedWeights&, Variable, std::span<const int32_t>);
extern template Variable head(TapeExecutor&, const TrainedWeights&, Variable, std::span<const int32_t>);

}  // namespace slm
