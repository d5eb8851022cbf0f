// SPDX-License-Identifier: Apache-2.0
// TrainableModel: a model's weights as float32 parameters with gradients, each kind in one flat arena, so that the
// optimizer and checkpoints walk over memory once.
// In: ModelFiles.  Out: parameters, and the decoder's weights made of them.  Next: tape_executor.h, train/.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slm/autograd/parameter.h"
#include "slm/core/aligned_buffer.h"
#include "slm/model/model_files.h"
#include "slm/model/scheme_plan.h"
#include "slm/model/weights.h"

namespace slm {

/// Linears with one input: each its own matrix, since each has its own gradient and may have its own quantizer.
struct TrainedLinears {
  std::vector<const Parameter*> weights;
  std::vector<const Parameter*> biases;  ///< one each, or none
};

using TrainedWeights = DecoderWeights<const Parameter*, TrainedLinears, const Parameter*>;

struct TrainableOptions {
  /// The quantizer in the loop: none is plain float32. Patterns of keep_fp name matrices that are rounded to bf16 only,
  /// as they are stored; with a tied head a pattern for lm_head.weight keeps the embedding, too.
  std::optional<SchemePlan> quantizer;
  std::vector<std::string> freeze;  ///< patterns of matches_pattern: these get no gradient
  bool trains(std::string_view name) const;
};

class TrainableModel {
 public:
  /// Reads every tensor as float32. Throws as load_model; ArgumentError for a pattern that matches nothing, patterns
  /// that leave nothing to train or to quantize, a scheme that does not fit a matrix.
  TrainableModel(const ModelFiles& files, const TrainableOptions& options = {});
  TrainableModel(const TrainableModel&) = delete;  // weights refer to parameters
  TrainableModel& operator=(const TrainableModel&) = delete;

  const ModelConfig& config() const { return config_; }
  const TrainedWeights& weights() const { return weights_; }
  /// In the order of expected_tensors(config()).
  std::span<const Parameter> parameters() const { return parameters_; }
  /// Throws ArgumentError where there is none of that name.
  const Parameter& parameter(std::string_view name) const;
  std::span<float> values() { return values_.span_of<float>(); }
  /// All gradients of what is not frozen, one after another; each begins on a cache line, the gaps between them stay 0.
  std::span<float> grads() { return grads_.span_of<float>(); }
  void zero_grads();

 private:
  ModelConfig config_;
  AlignedBuffer values_, grads_;
  std::vector<Parameter> parameters_;
  TrainedWeights weights_;
};

}  // namespace slm
