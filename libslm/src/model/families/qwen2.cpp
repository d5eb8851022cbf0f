// SPDX-License-Identifier: Apache-2.0
// Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv:2407.10671): the Llama block with biases on q, k and v;
// tied head up to 1.5B.
#include "model/families/family.h"

namespace slm {

ModelConfig qwen2_from_hf(const Json& config, const std::string& path) {
  ModelConfig c = shared_hf_fields(Family::Qwen2, config, path);
  c.qkv_bias = true;
  // transformers' own defaults for this family
  c.context = json_value<int64_t>(config, "max_position_embeddings", 32768, path);
  c.kv_heads = json_value<int64_t>(config, "num_key_value_heads", 32, path);
  if (json_value<bool>(config, "use_sliding_window", false, path))
    throw FormatError(
        path, "use_sliding_window is true, expected false: sliding-window attention is not supported for qwen2");
  return c;
}

ModelConfig qwen2_from_gguf(const GgufFile& file) {
  ModelConfig c = shared_gguf_fields(Family::Qwen2, file);
  c.qkv_bias = true;
  return c;
}

}  // namespace slm
