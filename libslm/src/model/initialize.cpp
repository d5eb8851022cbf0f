// SPDX-License-Identifier: Apache-2.0
#include "slm/model/initialize.h"

#include <cmath>

#include "slm/core/rng.h"

namespace slm {

std::map<std::string, std::vector<float>> initial_values(const ModelConfig& config, uint64_t seed,
                                                         const Progress& progress) {
  check(config);
  const std::vector<ExpectedTensor> tensors = expected_tensors(config);
  uint64_t done = 0, total = 0;
  for (const ExpectedTensor& tensor : tensors) total += static_cast<uint64_t>(tensor.shape.elements());
  Rng rng(seed);
  const float residual = 1.0f / std::sqrt(2.0f * static_cast<float>(config.layers));
  std::map<std::string, std::vector<float>> values;
  for (const ExpectedTensor& tensor : tensors) {
    std::vector<float>& v = values[tensor.name];
    const uint64_t size = static_cast<uint64_t>(tensor.shape.elements());
    if (tensor.shape.rank() == 1) {
      v.assign(size, tensor.name.ends_with(".bias") ? 0.0f : 1.0f);
    } else {
      const bool writes_residual = tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight");
      const uint64_t row = static_cast<uint64_t>(tensor.shape[1]);
      v.resize(size);
      for (uint64_t i = 0; i < size; ++i) {
        if (i % row == 0) report(progress, {tensor.name, done + i, total});
        v[i] = 0.02f * rng.normal() * (writes_residual ? residual : 1.0f);
      }
    }
    done += size;
  }
  return values;
}

}  // namespace slm
