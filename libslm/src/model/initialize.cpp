// SPDX-License-Identifier: Apache-2.0
#include "slm/model/initialize.h"

#include <cmath>

#include "slm/core/rng.h"

namespace slm {

std::map<std::string, std::vector<float>> initial_values(const ModelConfig& config, uint64_t seed) {
  check(config);
  Rng rng(seed);
  const float residual = 1.0f / std::sqrt(2.0f * static_cast<float>(config.layers));
  std::map<std::string, std::vector<float>> values;
  for (const ExpectedTensor& tensor : expected_tensors(config)) {
    std::vector<float>& v = values[tensor.name];
    if (tensor.shape.rank() == 1) {
      v.assign(static_cast<size_t>(tensor.shape.elements()), tensor.name.ends_with(".bias") ? 0.0f : 1.0f);
      continue;
    }
    const bool writes_residual = tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight");
    v.resize(static_cast<size_t>(tensor.shape.elements()));
    for (float& x : v) x = 0.02f * rng.normal() * (writes_residual ? residual : 1.0f);
  }
  return values;
}

}  // namespace slm
