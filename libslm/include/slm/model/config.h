// SPDX-License-Identifier: Apache-2.0
// ModelConfig: what the decoder must know about a model besides its weights, read from config.json or GGUF metadata.
// A family is this config plus a weight-name map; only a new shape of block is new code (docs/adding_a_model.md).
// In: a Hugging Face folder or a GGUF file.  Out: ModelConfig.  Next: model_files.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "slm/core/shape.h"
#include "slm/io/gguf.h"

namespace slm {

enum class Family { Qwen2, Llama };
std::string_view name(Family family);  ///< as Hugging Face's model_type and GGUF's general.architecture write it

struct ModelConfig {
  Family family = Family::Qwen2;
  int64_t vocab = 0;  ///< V: rows of the embedding
  int64_t width = 0;  ///< D
  int64_t layers = 0;
  int64_t heads = 0;     ///< H
  int64_t kv_heads = 0;  ///< Hkv
  int64_t head_dim = 0;  ///< Dh
  int64_t ffn = 0;       ///< F
  int64_t context = 0;   ///< positions the model was made for
  double rope_theta = 10000.0;
  float norm_eps = 1e-6f;
  bool qkv_bias = false;
  bool output_bias = false;  ///< bias of the attention's output linear
  bool tied_head = false;    ///< lm_head is the embedding

  int64_t q_width() const { return heads * head_dim; }
  int64_t kv_width() const { return kv_heads * head_dim; }
  float attention_scale() const;  ///< 1/sqrt(Dh)
  bool operator==(const ModelConfig&) const = default;
};

constexpr int64_t kMostLayers = 4096, kMostHeads = 4096;

/// What every config must satisfy before a size is computed from it. Throws ArgumentError that names value and
/// expectation.
void check(const ModelConfig& config);

/// Reads config.json. Throws IoError, FormatError (a missing or impossible value,
/// an unsupported model type, rope type or activation: each named).
ModelConfig read_hf_config(const std::filesystem::path& config_json);
/// Reads GGUF metadata. Throws FormatError as above. A head is tied where the file has no output.weight.
ModelConfig read_gguf_config(const GgufFile& file);

struct ExpectedTensor {
  std::string name;  ///< Hugging Face name
  Shape shape;
};
/// Every tensor a model of this config has, in the order of use.
std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config);

/// GGUF files hold q and k of the `llama` architecture with the rotary halves of each head interleaved
/// (MatrixSource::stored_row): the head size for those tensors, 0 for all others.
int64_t gguf_paired_head_dim(const ModelConfig& config, std::string_view hf_name);

/// "model.layers.3.self_attn.q_proj.weight" ↔ "blk.3.attn_q.weight". Empty where the name is not one of the families'.
std::string gguf_tensor_name(std::string_view hf_name);
std::string hf_tensor_name(std::string_view gguf_name);

}  // namespace slm
