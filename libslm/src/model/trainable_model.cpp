// SPDX-License-Identifier: Apache-2.0
#include "slm/model/trainable_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "slm/core/check.h"
#include "slm/core/division.h"
#include "slm/core/parallel.h"
#include "slm/model/load.h"

namespace slm {
namespace {

constexpr size_t kAlignment = 16;  // floats: every tensor begins on a cache line

size_t padded(int64_t elements) { return round_up(static_cast<size_t>(elements), kAlignment); }

/// All values of a tensor as float32.
void read_values(const ModelFiles& files, const ModelTensor& tensor, std::span<float> values) {
  if (tensor.stored.tensor.shape().rank() == 1) {
    const std::vector<float> vector = files.vector(tensor.name);
    std::copy(vector.begin(), vector.end(), values.begin());
    return;
  }
  const auto k = static_cast<size_t>(tensor.source.k());
  parallel_for(tensor.source.n(), 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const std::span<float> row = values.subspan(static_cast<size_t>(r) * k, k);
      tensor.source.decode_row(r, row);
      for (const float value : row)
        if (!std::isfinite(value))
          throw FormatError(files.path(),
                            fmt::format("{}: row {} holds {}, expected finite numbers", tensor.name, r, value));
    }
  });
  tensor.stored.release_rows(0, tensor.stored.tensor.shape().rows());
}

/// Finds parameters by name for assemble_weights.
struct Finder {
  const TrainableModel& model;
  const Parameter* table(const std::string& name) { return &model.parameter(name); }
  const Parameter* vector(const std::string& name) { return &model.parameter(name); }
  TrainedLinears linears(const std::vector<std::string>& parts, bool bias) {
    TrainedLinears group;
    for (const std::string& part : parts) {
      group.weights.push_back(&model.parameter(part + ".weight"));
      if (bias) group.biases.push_back(&model.parameter(part + ".bias"));
    }
    return group;
  }
};

}  // namespace

bool TrainableOptions::trains(std::string_view name) const { return !matches_any(name, freeze); }

TrainableModel::TrainableModel(const ModelFiles& files, const TrainableOptions& options) : config_(files.config()) {
  if (options.quantizer) check_plan(files, *options.quantizer);
  for (const std::string& pattern : options.freeze)
    SLM_CHECK(
        std::ranges::any_of(files.tensors(), [&](const ModelTensor& t) { return matches_pattern(t.name, pattern); }),
        "[freeze] \"{}\" matches no tensor of the model", pattern);
  size_t all = 0, trained = 0;
  for (const ModelTensor& tensor : files.tensors()) {
    const size_t floats = padded(tensor.stored.tensor.shape().elements());
    all += floats;
    if (options.trains(tensor.name)) trained += floats;
  }
  SLM_CHECK(trained > 0, "[freeze] every tensor of the model stays as it is, nothing is left to train");
  values_ = AlignedBuffer(all * sizeof(float));
  grads_ = AlignedBuffer(trained * sizeof(float));
  std::memset(values_.data(), 0, values_.size());
  zero_grads();

  size_t value = 0, grad = 0;
  for (const ModelTensor& tensor : files.tensors()) {
    const Shape& shape = tensor.stored.tensor.shape();
    const auto elements = static_cast<size_t>(shape.elements());
    Parameter p{
        .name = tensor.name, .shape = shape, .value = values().subspan(value, elements), .grad = {}, .scheme = {}};
    value += padded(shape.elements());
    if (options.trains(tensor.name)) {
      p.grad = grads().subspan(grad, elements);
      grad += padded(shape.elements());
    }
    if (options.quantizer && options.quantizer->weights && shape.rank() == 2) {
      p.scheme = options.quantizer->scheme_of(tensor.name, Dtype::F32, config_.tied_head);
    }
    read_values(files, tensor, p.value);
    parameters_.push_back(std::move(p));
  }
  if (options.quantizer && options.quantizer->weights)
    SLM_CHECK(
        std::ranges::any_of(parameters_, [&](const Parameter& p) { return p.scheme == options.quantizer->weights; }),
        "[scheme] every matrix is kept, {} is left without one", slm::name(*options.quantizer->weights));
  Finder find{*this};
  weights_ = assemble_weights<TrainedWeights>(config_, find);
}

const Parameter& TrainableModel::parameter(std::string_view name) const {
  const auto it = std::ranges::find(parameters_, name, &Parameter::name);
  SLM_CHECK(it != parameters_.end(), "[train] the model has no parameter {}", name);
  return *it;
}

void TrainableModel::zero_grads() {
  parallel_for(static_cast<int64_t>(grads_.size()), 1 << 16, [&](int64_t begin, int64_t end, int) {
    std::memset(grads_.data() + begin, 0, static_cast<size_t>(end - begin));
  });
}

}  // namespace slm
