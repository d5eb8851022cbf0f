// SPDX-License-Identifier: Apache-2.0
#include "slm/export/hf_folder.h"

#include <array>

#include "export/stream_rows.h"
#include "export/tokenizer_json.h"
#include "slm/core/check.h"
#include "slm/io/atomic_file.h"
#include "slm/io/json.h"
#include "slm/io/safetensors.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

std::string_view torch_name(WeightScheme scheme) {
  switch (scheme) {
    case WeightScheme::F32:
      return "float32";
    case WeightScheme::BF16:
      return "bfloat16";
    case WeightScheme::F16:
      return "float16";
    default:
      SLM_CHECK(false, "[export] a Hugging Face folder holds f32, bf16 or f16, not {}", name(scheme));
  }
}

Json config_from_folder(const fs::path& source, WeightScheme scheme) {
  Json config = parse_json_file(source / "config.json");
  config.erase("quantization_config");
  config[config.contains("torch_dtype") ? "torch_dtype" : "dtype"] = torch_name(scheme);
  return config;
}

Json config_from_gguf(const ModelConfig& c, const TokenizerData& tokenizer, WeightScheme scheme) {
  const bool llama = c.family == Family::Llama;
  SLM_CHECK(!llama || c.qkv_bias == c.output_bias,
            "[export] this llama has biases on {} only, config.json has one switch for both",
            c.qkv_bias ? "q, k and v" : "the attention's output");
  Json config = {{"architectures", {llama ? "LlamaForCausalLM" : "Qwen2ForCausalLM"}},
                 {"model_type", name(c.family)},
                 {"vocab_size", c.vocab},
                 {"hidden_size", c.width},
                 {"intermediate_size", c.ffn},
                 {"num_hidden_layers", c.layers},
                 {"num_attention_heads", c.heads},
                 {"num_key_value_heads", c.kv_heads},
                 {"head_dim", c.head_dim},
                 {"hidden_act", "silu"},
                 {"max_position_embeddings", c.context},
                 {"rms_norm_eps", static_cast<double>(c.norm_eps)},
                 {"rope_theta", c.rope_theta},
                 {"tie_word_embeddings", c.tied_head},
                 {"torch_dtype", torch_name(scheme)}};
  if (llama) config["attention_bias"] = c.qkv_bias;
  if (tokenizer.bos_id) config["bos_token_id"] = *tokenizer.bos_id;
  if (tokenizer.eos_id) config["eos_token_id"] = *tokenizer.eos_id;
  if (tokenizer.pad_id) config["pad_token_id"] = *tokenizer.pad_id;
  return config;
}

Json generation_config(const TokenizerData& tokenizer) {
  Json config = Json::object(), eos = Json::array();
  if (tokenizer.eos_id) eos.push_back(*tokenizer.eos_id);
  if (tokenizer.eot_id && tokenizer.eot_id != tokenizer.eos_id) eos.push_back(*tokenizer.eot_id);
  if (tokenizer.bos_id) config["bos_token_id"] = *tokenizer.bos_id;
  if (!eos.empty()) config["eos_token_id"] = eos;
  if (tokenizer.pad_id) config["pad_token_id"] = *tokenizer.pad_id;
  return config;
}

/// A folder in the making: what was added to it is removed again unless keep() is called.
class NewFolder {
 public:
  explicit NewFolder(fs::path path) : path_(std::move(path)) {
    std::error_code error;
    made_ = fs::create_directories(path_, error);
    if (error) throw IoError(fmt::format("[export] cannot make the folder {}", path_.string()), error.value());
  }
  ~NewFolder() {
    if (kept_) return;
    std::error_code ignored;
    for (const fs::path& file : files_) fs::remove(file, ignored);
    if (made_) fs::remove(path_, ignored);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  void wrote(const char* file_name) { files_.push_back(path_ / file_name); }
  void write(const char* file_name, const std::string& text) {
    write_file(path_ / file_name, text);
    wrote(file_name);
  }
  uint64_t keep() {
    kept_ = true;
    uint64_t bytes = 0;
    for (const fs::path& file : files_) bytes += fs::file_size(file);
    return bytes;
  }

 private:
  fs::path path_;
  bool made_ = false, kept_ = false;
  std::vector<fs::path> files_;
};

void write_weights(const ModelFiles& model, const fs::path& file, const HfExportOptions& options,
                   ExportReport& report) {
  const Dtype dtype = *info(options.weights).gguf_dtype;
  std::vector<SafetensorsEntry> entries;
  for (const ModelTensor& tensor : model.tensors()) {
    const Tensor& stored = tensor.stored.tensor;
    const uint64_t elements = static_cast<uint64_t>(stored.shape().elements());
    entries.push_back({tensor.name, dtype, stored.shape()});
    report.tensors.push_back({tensor.name, stored.shape(), stored.dtype(), dtype, 0.0, byte_size(dtype, elements)});
    report.parameters += elements;
    report.tensor_bytes += report.tensors.back().bytes;
  }
  uint64_t done = 0;
  const uint64_t total = model.stored_bytes();
  const std::array<std::pair<std::string, std::string>, 1> metadata = {{{"format", "pt"}}};
  write_safetensors(file, entries, metadata, [&](size_t i, const ByteSink& sink) {
    const ModelTensor& tensor = model.tensors()[i];
    slm::report(options.progress, {tensor.name, done, total});
    const StreamedTensor streamed = tensor.stored.tensor.shape().rank() == 2
                                        ? stream_matrix(tensor, options.weights, 0, sink)
                                        : stream_vector(model, tensor, options.weights, 0, sink);
    report.tensors[i].sqnr_db = streamed.sqnr.db();
    done += tensor.stored.tensor.bytes();
  });
  slm::report(options.progress, {"done", total, total});
}

}  // namespace

ExportReport export_hf_folder(const ModelFiles& model, const TokenizerData& tokenizer, const fs::path& folder,
                              const HfExportOptions& options) {
  torch_name(options.weights);  // throws for a quantized scheme
  std::error_code error;
  SLM_CHECK(!fs::equivalent(folder, model.path(), error), "[export] {} is the folder the model is read from",
            folder.string());
  check_is_not_source(model, folder / "model.safetensors");
  SLM_CHECK(!fs::exists(folder / "model.safetensors.index.json", error),
            "[export] {} holds the shards of another model: choose another folder", folder.string());
  const fs::path source = model.path();
  // Made before a byte is written: a tokenizer that cannot be described fails early.
  const Json config = model.gguf() ? config_from_gguf(model.config(), tokenizer, options.weights)
                                   : config_from_folder(source, options.weights);
  const Json tokenizer_json = model.gguf() ? make_tokenizer_json(tokenizer) : Json();

  ExportReport report;
  NewFolder made(folder);
  write_weights(model, folder / "model.safetensors", options, report);
  made.wrote("model.safetensors");
  made.write("config.json", config.dump(2) + "\n");
  if (model.gguf()) {
    made.write("tokenizer.json", tokenizer_json.dump() + "\n");
    made.write("tokenizer_config.json", make_tokenizer_config_json(tokenizer).dump(2) + "\n");
    made.write("generation_config.json", generation_config(tokenizer).dump(2) + "\n");
  } else {
    for (const char* file :
         {"generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
          "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja"})
      if (fs::exists(source / file, error)) made.write(file, read_file(source / file));
  }
  report.file_bytes = made.keep();
  return report;
}

}  // namespace slm
