// SPDX-License-Identifier: Apache-2.0
#include "slm/model/config.h"

#include <array>
#include <cmath>

#include "io/quote_text.h"
#include "model/families/family.h"
#include "slm/core/check.h"

namespace slm {
namespace {

struct FamilyEntry {
  Family family;
  std::string_view name;
  ModelConfig (*from_hf)(const Json&, const std::string&);
  ModelConfig (*from_gguf)(const GgufFile&);
};
constexpr std::array kFamilies = {
    FamilyEntry{Family::Qwen2, "qwen2", qwen2_from_hf, qwen2_from_gguf},
    FamilyEntry{Family::Llama, "llama", llama_from_hf, llama_from_gguf},
};

const FamilyEntry& find_family(std::string_view wanted, const std::string& path, std::string_view key) {
  std::string known;
  for (const FamilyEntry& entry : kFamilies) {
    if (entry.name == wanted) return entry;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw FormatError(path, fmt::format("[config] {} is {}, expected one of: {}", key, quote_text(wanted), known));
}

constexpr int64_t kMaxDimension = int64_t{1} << 24;

void require_between(const std::string& path, std::string_view what, int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high)
    throw FormatError(path, fmt::format("[config] {} is {}, expected {} to {}", what, value, low, high));
}

/// check(), of a file.
ModelConfig checked(const ModelConfig& c, const std::string& path) try {
  check(c);
  return c;
} catch (const ArgumentError& error) {
  throw FormatError(path, error.what());
}

/// rope_theta and the rope type, from the top level (transformers 4) or from rope_parameters (transformers 5).
void read_rope(ModelConfig& c, const Json& config, const std::string& path) {
  c.rope_theta = json_value<double>(config, "rope_theta", 10000.0, path);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const auto it = config.find(key);
    if (it == config.end() || it->is_null()) continue;
    if (!it->is_object()) throw FormatError(path, fmt::format("[config] {} is no object", key));
    const std::string type =
        json_value<std::string>(*it, "rope_type", json_value<std::string>(*it, "type", "default", path), path);
    if (type != "default")
      throw FormatError(path, fmt::format("[config] {}: rope type is {}, expected \"default\"", key, quote_text(type)));
    c.rope_theta = json_value<double>(*it, "rope_theta", c.rope_theta, path);
    const double partial = json_value<double>(*it, "partial_rotary_factor", 1.0, path);
    if (partial != 1.0)
      throw FormatError(path, fmt::format("[config] partial_rotary_factor is {}, expected 1", partial));
  }
}

struct NamePair {
  std::string_view hf, gguf;
};
constexpr std::array kModelNames = {
    NamePair{"model.embed_tokens.weight", "token_embd.weight"},
    NamePair{"model.norm.weight", "output_norm.weight"},
    NamePair{"lm_head.weight", "output.weight"},
};
constexpr std::array kBlockNames = {
    NamePair{"input_layernorm.weight", "attn_norm.weight"},
    NamePair{"self_attn.q_proj.weight", "attn_q.weight"},
    NamePair{"self_attn.q_proj.bias", "attn_q.bias"},
    NamePair{"self_attn.k_proj.weight", "attn_k.weight"},
    NamePair{"self_attn.k_proj.bias", "attn_k.bias"},
    NamePair{"self_attn.v_proj.weight", "attn_v.weight"},
    NamePair{"self_attn.v_proj.bias", "attn_v.bias"},
    NamePair{"self_attn.o_proj.weight", "attn_output.weight"},
    NamePair{"self_attn.o_proj.bias", "attn_output.bias"},
    NamePair{"post_attention_layernorm.weight", "ffn_norm.weight"},
    NamePair{"mlp.gate_proj.weight", "ffn_gate.weight"},
    NamePair{"mlp.up_proj.weight", "ffn_up.weight"},
    NamePair{"mlp.down_proj.weight", "ffn_down.weight"},
};

/// Translates between the columns of the two tables; the layer number between prefix and suffix is kept.
std::string translate(std::string_view name, std::string_view NamePair::*from, std::string_view NamePair::*to,
                      std::string_view from_prefix, std::string_view to_prefix) {
  for (const NamePair& pair : kModelNames)
    if (name == pair.*from) return std::string(pair.*to);
  if (!name.starts_with(from_prefix)) return {};
  const std::string_view rest = name.substr(from_prefix.size());
  const size_t dot = rest.find('.');
  if (dot == 0 || dot == std::string_view::npos ||
      rest.substr(0, dot).find_first_not_of("0123456789") != std::string_view::npos)
    return {};
  for (const NamePair& pair : kBlockNames)
    if (rest.substr(dot + 1) == pair.*from)
      return std::string(to_prefix).append(rest.substr(0, dot + 1)).append(pair.*to);
  return {};
}

}  // namespace

void check(const ModelConfig& c) {
  const auto between = [](const char* what, int64_t value, int64_t low, int64_t high) {
    SLM_CHECK(value >= low && value <= high, "[config] {} is {}, expected {} to {}", what, value, low, high);
  };
  between("vocabulary size", c.vocab, 1, kMaxDimension);
  between("hidden size", c.width, 1, kMaxDimension);
  between("number of layers", c.layers, 1, kMostLayers);
  between("number of attention heads", c.heads, 1, kMostHeads);
  between("number of key-value heads", c.kv_heads, 1, c.heads);
  between("head size", c.head_dim, 8, 256);
  between("feed-forward size", c.ffn, 1, kMaxDimension);
  between("context length", c.context, 1, int64_t{1} << 31);
  SLM_CHECK(c.heads % c.kv_heads == 0, "[config] {} attention heads are no multiple of {} key-value heads", c.heads,
            c.kv_heads);
  SLM_CHECK(c.head_dim % 8 == 0, "[config] head size is {}, expected a multiple of 8", c.head_dim);
  SLM_CHECK(c.rope_theta > 0 && std::isfinite(c.rope_theta), "[config] rope_theta is {}, expected a positive number",
            c.rope_theta);
  SLM_CHECK(c.norm_eps > 0 && std::isfinite(c.norm_eps), "[config] norm epsilon is {}, expected a positive number",
            c.norm_eps);
}

std::string_view name(Family family) {
  for (const FamilyEntry& entry : kFamilies)
    if (entry.family == family) return entry.name;
  return "?";
}

float ModelConfig::attention_scale() const { return 1.0f / std::sqrt(static_cast<float>(head_dim)); }

ModelConfig shared_hf_fields(Family family, const Json& config, const std::string& path) {
  ModelConfig c;
  c.family = family;
  c.vocab = json_require<int64_t>(config, "vocab_size", path);
  c.width = json_require<int64_t>(config, "hidden_size", path);
  c.layers = json_require<int64_t>(config, "num_hidden_layers", path);
  c.heads = json_require<int64_t>(config, "num_attention_heads", path);
  c.kv_heads = json_value<int64_t>(config, "num_key_value_heads", c.heads, path);
  require_between(path, "num_attention_heads", c.heads, 1, kMostHeads);
  const int64_t head_dim = json_value<int64_t>(config, "head_dim", 0, path);
  if (head_dim == 0 && c.width % c.heads != 0)
    throw FormatError(
        path, fmt::format("[config] hidden_size {} is no multiple of num_attention_heads {}", c.width, c.heads));
  c.head_dim = head_dim != 0 ? head_dim : c.width / c.heads;
  c.ffn = json_require<int64_t>(config, "intermediate_size", path);
  c.context = json_value<int64_t>(config, "max_position_embeddings", 2048, path);
  c.norm_eps = static_cast<float>(json_value<double>(config, "rms_norm_eps", 1e-6, path));
  c.tied_head = json_value<bool>(config, "tie_word_embeddings", false, path);
  const std::string activation = json_value<std::string>(config, "hidden_act", "silu", path);
  if (activation != "silu")
    throw FormatError(path, fmt::format("[config] hidden_act is {}, expected \"silu\"", quote_text(activation)));
  read_rope(c, config, path);
  return c;
}

ModelConfig shared_gguf_fields(Family family, const GgufFile& file) {
  const std::string prefix = std::string(name(family)) + ".";
  const auto dimension = [&](const char* key) {
    const uint64_t value = file.get_uint(prefix + key);
    if (value > uint64_t{1} << 31)
      throw FormatError(file.path(), fmt::format("[config] {}{} is {}, expected at most 2^31", prefix, key, value));
    return static_cast<int64_t>(value);
  };
  ModelConfig c;
  c.family = family;
  const StoredTensor* embedding = file.find_tensor("token_embd.weight");
  if (embedding == nullptr || embedding->tensor.shape().rank() != 2)
    throw FormatError(file.path(), "[config] tensor token_embd.weight is missing or no matrix");
  c.vocab = embedding->tensor.shape()[0];
  c.width = dimension("embedding_length");
  c.layers = dimension("block_count");
  c.heads = dimension("attention.head_count");
  c.kv_heads =
      file.find(prefix + "attention.head_count_kv") != nullptr ? dimension("attention.head_count_kv") : c.heads;
  require_between(file.path(), prefix + "attention.head_count", c.heads, 1, kMostHeads);
  c.head_dim =
      file.find(prefix + "attention.key_length") != nullptr ? dimension("attention.key_length") : c.width / c.heads;
  c.ffn = dimension("feed_forward_length");
  c.context = dimension("context_length");
  c.rope_theta = file.float_value(prefix + "rope.freq_base").value_or(10000.0);
  c.norm_eps = static_cast<float>(file.get_float(prefix + "attention.layer_norm_rms_epsilon"));
  c.tied_head = file.find_tensor("output.weight") == nullptr;
  const std::string scaling = file.string_value(prefix + "rope.scaling.type").value_or("none");
  if (scaling != "none")
    throw FormatError(file.path(),
                      fmt::format("[config] rope scaling type is {}, expected \"none\"", quote_text(scaling)));
  const uint64_t rotary = file.uint_value(prefix + "rope.dimension_count").value_or(static_cast<uint64_t>(c.head_dim));
  if (rotary != static_cast<uint64_t>(c.head_dim))
    throw FormatError(file.path(),
                      fmt::format("[config] rope dimensions are {}, expected the head size {}", rotary, c.head_dim));
  return c;
}

ModelConfig read_hf_config(const std::filesystem::path& config_json) {
  const std::string path = config_json.string();
  const Json config = parse_json_file(config_json);
  if (!config.is_object()) throw FormatError(path, "[config] the document is no object");
  return checked(
      find_family(json_require<std::string>(config, "model_type", path), path, "model_type").from_hf(config, path),
      path);
}

ModelConfig read_gguf_config(const GgufFile& file) {
  return checked(
      find_family(file.get_string("general.architecture"), file.path(), "general.architecture").from_gguf(file),
      file.path());
}

std::vector<ExpectedTensor> expected_tensors(const ModelConfig& c) {
  std::vector<ExpectedTensor> all = {{"model.embed_tokens.weight", {c.vocab, c.width}}};
  for (int64_t i = 0; i < c.layers; ++i) {
    const auto add = [&](const char* suffix, const Shape& shape) {
      all.push_back({fmt::format("model.layers.{}.{}", i, suffix), shape});
    };
    add("input_layernorm.weight", {c.width});
    add("self_attn.q_proj.weight", {c.q_width(), c.width});
    add("self_attn.k_proj.weight", {c.kv_width(), c.width});
    add("self_attn.v_proj.weight", {c.kv_width(), c.width});
    if (c.qkv_bias) {
      add("self_attn.q_proj.bias", {c.q_width()});
      add("self_attn.k_proj.bias", {c.kv_width()});
      add("self_attn.v_proj.bias", {c.kv_width()});
    }
    add("self_attn.o_proj.weight", {c.width, c.q_width()});
    if (c.output_bias) add("self_attn.o_proj.bias", {c.width});
    add("post_attention_layernorm.weight", {c.width});
    add("mlp.gate_proj.weight", {c.ffn, c.width});
    add("mlp.up_proj.weight", {c.ffn, c.width});
    add("mlp.down_proj.weight", {c.width, c.ffn});
  }
  all.push_back({"model.norm.weight", {c.width}});
  if (!c.tied_head) all.push_back({"lm_head.weight", {c.vocab, c.width}});
  return all;
}

int64_t gguf_paired_head_dim(const ModelConfig& config, std::string_view hf_name) {
  const bool paired = hf_name.find(".q_proj.") != hf_name.npos || hf_name.find(".k_proj.") != hf_name.npos;
  return config.family == Family::Llama && paired ? config.head_dim : 0;
}

std::string gguf_tensor_name(std::string_view hf_name) {
  return translate(hf_name, &NamePair::hf, &NamePair::gguf, "model.layers.", "blk.");
}

std::string hf_tensor_name(std::string_view gguf_name) {
  return translate(gguf_name, &NamePair::gguf, &NamePair::hf, "blk.", "model.layers.");
}

}  // namespace slm
