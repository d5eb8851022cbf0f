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

namespace slm {

/// A row of a training batch. Rows of one document follow one another, and see nothing of others.
struct TrainRow {
  int32_t token = 0;
  int32_t position = 0;  ///< in its document
};

class TapeExecutor {
 public:
  using Rows = Variable;
  using Vector = const Parameter*;
  using Linears = TrainedLinears;
  using Table = const Parameter*;
  using Weights = TrainedWeights;

  TapeExecutor(const ModelConfig& config, Tape& tape);
  TapeExecutor(const TapeExecutor&) = delete;  // its parts refer to each other
  TapeExecutor& operator=(const TapeExecutor&) = delete;

  /// Whether quantizers are in the loop from the next begin() on (they are, at first): training may start without.
  void set_quantized(bool quantized) { quantized_ = quantized; }
  /// How inputs of quantized linears are quantized; none: as the kernels of each one's scheme will.
  void set_activations(std::optional<ActivationScheme> activations) { activations_ = activations; }
  /// Sets the rows of the step at hand. A row at position 0 begins a document. Throws ArgumentError: no rows, a position
  /// that is neither 0 nor the next one of its document.
  void begin(std::span<const TrainRow> batch);

  Rows embedding(const Table& table);
  Rows rms_norm(Rows x, const Vector& w);
  std::vector<Rows> linears(Rows x, const TrainedLinears& group);
  Rows rope(Rows x);
  Rows attention(int layer, Rows q, Rows k, Rows v);
  Rows swiglu(Rows gate, Rows up);
  Rows add(Rows x, Rows y);
  Rows select(Rows x, std::span<const int32_t> rows);
  Rows logits(Rows x, const Table& table);

  /// The weight as the step at hand sees it; the same object at each call in a step.
  std::shared_ptr<const WeightView> view(const Parameter& weight);
  /// The input of a linear as its kernels will see it: activations are quantized where the weight is.
  Rows linear_input(Rows x, const Parameter& weight);
  const autograd::Context& context() const { return context_; }

 private:
  const ModelConfig config_;
  GemmScratch scratch_;
  autograd::Context context_;
  bool quantized_ = true;
  std::optional<ActivationScheme> activations_;
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
