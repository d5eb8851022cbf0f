// SPDX-License-Identifier: Apache-2.0
#include "slm/model/initialize.h"

#include <cmath>

#include "slm/core/check.h"
#include "slm/core/rng.h"

namespace slm {

void check_sizes(const ModelConfig& c) {
  const auto positive = [](const char* what, int64_t value) {
    SLM_CHECK(value > 0, "[initialize] {} is {}, expected at least 1", what, value);
  };
  positive("the vocabulary", c.vocab);
  positive("the width", c.width);
  positive("the number of layers", c.layers);
  positive("the number of heads", c.heads);
  positive("the number of KV heads", c.kv_heads);
  positive("the size of a head", c.head_dim);
  positive("the feed-forward width", c.ffn);
  positive("the context", c.context);
  SLM_CHECK(c.heads % c.kv_heads == 0, "[initialize] {} heads, expected a multiple of the {} KV heads", c.heads,
            c.kv_heads);
  SLM_CHECK(c.head_dim % 8 == 0 && c.head_dim <= 256, "[initialize] heads of {}, expected a multiple of 8 up to 256",
            c.head_dim);
}

std::map<std::string, std::vector<float>> initial_values(const ModelConfig& config, uint64_t seed) {
  check_sizes(config);
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
