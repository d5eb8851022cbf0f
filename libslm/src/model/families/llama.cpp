// SPDX-License-Identifier: Apache-2.0
// Llama (Touvron et al. 2023, arXiv:2302.13971) and what shares its block: SmolLM2, TinyLlama.
// No biases unless the config says so.
#include "model/families/family.h"

namespace slm {

ModelConfig llama_from_hf(const Json& config, const std::string& path) {
  ModelConfig c = shared_hf_fields(Family::Llama, config, path);
  c.qkv_bias = c.output_bias = json_value<bool>(config, "attention_bias", false, path);
  if (json_value<bool>(config, "mlp_bias", false, path))
    throw FormatError(path, "mlp_bias is true, expected false: biases in the MLP are not supported");
  return c;
}

ModelConfig llama_from_gguf(const GgufFile& file) {
  ModelConfig c = shared_gguf_fields(Family::Llama, file);
  c.qkv_bias = file.find_tensor("blk.0.attn_q.bias") != nullptr;
  c.output_bias = file.find_tensor("blk.0.attn_output.bias") != nullptr;
  if (file.find_tensor("rope_freqs.weight") != nullptr)
    throw FormatError(file.path(), "rope_freqs.weight is present (rope type llama3), expected plain rotary embedding");
  return c;
}

}  // namespace slm
