// SPDX-License-Identifier: Apache-2.0
#include "slm/model/load.h"

#include <malloc.h>

#include <algorithm>

#include "slm/core/check.h"
#include "slm/ops/environment.h"
#include "slm/ops/linear.h"
#include "slm/quant/rows.h"

namespace slm {
namespace {

/// Packs matrices of one model and keeps the account.
class Loader {
 public:
  Loader(const ModelFiles& files, const LoadOptions& options, Model& model)
      : files_(files), options_(options), model_(model) {
    for (const ModelTensor& tensor : files.tensors()) total_ += tensor.stored.tensor.bytes();
  }

  PackedMatrix table(const std::string& name) { return pack_run({&files_.tensor(name)}, scheme(name)); }

  std::vector<float> vector(const std::string& name) {
    const ModelTensor& tensor = files_.tensor(name);
    std::vector<float> values = files_.vector(name);
    tensor.stored.release_rows(0, tensor.stored.tensor.shape().rows());
    done_ += tensor.stored.tensor.bytes();
    model_.packed_bytes += values.size() * sizeof(float);
    return values;
  }

  /// The parts' weights ("….q_proj"), those of equal scheme packed together,
  /// and their biases where the config has them.
  PackedLinears linears(const std::vector<std::string>& parts, bool bias) {
    PackedLinears group;
    int64_t columns = 0;
    std::vector<const ModelTensor*> run;
    for (size_t i = 0; i < parts.size(); ++i) {
      const ModelTensor& tensor = files_.tensor(parts[i] + ".weight");
      run.push_back(&tensor);
      columns += tensor.source.n();
      group.part_end.push_back(columns);
      const WeightScheme held = scheme(tensor.name);
      const std::optional<GridParams> input = static_input(tensor.name, held);
      const std::string next = i + 1 < parts.size() ? parts[i + 1] + ".weight" : "";
      if (next.empty() || scheme(next) != held || static_input(next, scheme(next)) != input) {
        group.matrices.push_back(pack_run(run, held));
        group.inputs.push_back(input);
        run.clear();
      }
      if (bias) {
        const std::vector<float> values = vector(parts[i] + ".bias");
        group.bias.insert(group.bias.end(), values.begin(), values.end());
      }
    }
    correct_zeros_(group, parts);
    return group;
  }

 private:
  /// Of a matrix whose kernels quantize their inputs; float kernels take them as they are.
  std::optional<GridParams> static_input(const std::string& name, WeightScheme held) const {
    const GridParams* input = files_.input(name);
    if (input == nullptr || options_.fake_activations || info(held).activations == ActivationScheme::F32) return {};
    return *input;
  }
  void correct_zeros_(PackedLinears& group, const std::vector<std::string>& parts) {
    if (std::ranges::none_of(group.inputs, [](const auto& input) { return input.has_value(); })) return;
    if (group.bias.empty()) {
      group.bias.resize(static_cast<size_t>(group.columns()));
      model_.packed_bytes += group.bias.size() * sizeof(float);
    }
    size_t column = 0;
    for (size_t i = 0; i < group.matrices.size(); ++i) {
      const auto n = static_cast<size_t>(group.matrices[i].n());
      if (group.inputs[i]) {
        try {
          add_zero_correction_(group.matrices[i], *group.inputs[i], std::span(group.bias).subspan(column, n));
        } catch (const ArgumentError& error) {
          const auto part =
              std::ranges::upper_bound(group.part_end, static_cast<int64_t>(column)) - group.part_end.begin();
          throw FormatError(files_.path(),
                            fmt::format("{} (tensor {}.weight)", error.what(), parts[static_cast<size_t>(part)]));
        }
      }
      column += n;
    }
  }
  WeightScheme scheme(const std::string& name) const {
    return options_.plan.scheme_of(name, files_.tensor(name).stored.tensor.dtype(), files_.config().tied_head);
  }

  PackedMatrix pack_run(const std::vector<const ModelTensor*>& tensors, WeightScheme scheme) {
    std::vector<MatrixSource> sources;
    for (const ModelTensor* tensor : tensors) {
      report(options_.progress, {tensor->name, done_, total_});
      sources.push_back(tensor->source);
      done_ += tensor->stored.tensor.bytes();
      model_.matrices.push_back({tensor->name, tensor->stored.tensor.dtype(), scheme});
      if (files_.input(tensor->name) != nullptr && !static_input(tensor->name, scheme)) ++model_.unused_inputs;
    }
    PackedMatrix packed = [&] {
      try {
        return pack(scheme, sources,
                    {.fake_quantized = options_.fake_activations.has_value(),
                     .rows_done = [&](size_t source, int64_t begin, int64_t end) {
                       tensors[source]->stored.release_rows(begin, end);
                     }});
      } catch (const ArgumentError& error) {
        throw ArgumentError(fmt::format("{} (tensor {})", error.what(), tensors[0]->name));
      } catch (const FormatError& error) {
        throw FormatError(files_.path(), error.what());
      }
    }();
    model_.packed_bytes += packed.bytes();
    return packed;
  }

  const ModelFiles& files_;
  const LoadOptions& options_;
  Model& model_;
  uint64_t done_ = 0, total_ = 0;
};

}  // namespace

void check_plan(const ModelFiles& files, const SchemePlan& plan) {
  plan.check_patterns(files.config());
  for (const ModelTensor& tensor : files.tensors()) {
    if (tensor.stored.tensor.shape().rank() != 2) continue;
    try {
      check_depth("pack", plan.scheme_of(tensor.name, tensor.stored.tensor.dtype(), files.config().tied_head),
                  tensor.source.k());
    } catch (const ArgumentError& error) {
      throw ArgumentError(fmt::format("{} (tensor {})", error.what(), tensor.name));
    }
  }
}

uint64_t planned_bytes(const ModelFiles& files, const SchemePlan& plan) {
  check_plan(files, plan);
  uint64_t bytes = 0;
  for (const ModelTensor& tensor : files.tensors()) {
    const Tensor& stored = tensor.stored.tensor;
    const WeightScheme scheme = stored.shape().rank() == 2
                                    ? plan.scheme_of(tensor.name, stored.dtype(), files.config().tied_head)
                                    : WeightScheme::F32;
    bytes += static_cast<uint64_t>(stored.shape().rows()) * row_bytes(scheme, stored.shape().row_elements());
  }
  return bytes;
}

Model load_model(const ModelFiles& files, const LoadOptions& options) {
  check_plan(files, options.plan);
  check_environment();
  Model model;
  model.config = files.config();
  model.path = files.path();
  model.fake_activations = options.fake_activations;
  Loader load(files, options, model);
  model.weights = assemble_weights<RuntimeWeights>(model.config, load);
#ifdef __GLIBC__
  malloc_trim(0);  // the room rows passed through on their way to the panels
#endif
  return model;
}

Model load_model(const std::filesystem::path& path, const LoadOptions& options) {
  return load_model(ModelFiles::open(path), options);
}

}  // namespace slm
