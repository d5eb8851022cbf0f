// SPDX-License-Identifier: Apache-2.0
#include "slm/export/hf_folder.h"

#include <algorithm>
#include <array>
#include <memory>

#include "export/stream_rows.h"
#include "export/tokenizer_json.h"
#include "io/path_exists.h"
#include "slm/core/check.h"
#include "slm/io/atomic_file.h"
#include "slm/io/json.h"
#include "slm/io/safetensors.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "model.safetensors";

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

Json made_config(const ModelConfig& c, const TokenizerData& tokenizer, WeightScheme scheme) {
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
                 {"rms_norm_eps", Json::parse(fmt::format("{}", c.norm_eps))},  // the shortest decimal of the float
                 {"rope_theta", c.rope_theta},
                 {"tie_word_embeddings", c.tied_head},
                 {"torch_dtype", torch_name(scheme)}};
  if (llama) config["attention_bias"] = c.qkv_bias;
  if (tokenizer.bos_id) config["bos_token_id"] = *tokenizer.bos_id;
  if (tokenizer.eos_id) config["eos_token_id"] = *tokenizer.eos_id;
  if (tokenizer.pad_id) config["pad_token_id"] = *tokenizer.pad_id;
  return config;
}

/// All ids that end a text: Hugging Face knows none by its name.
Json generation_config(const TokenizerData& tokenizer) {
  Json config = Json::object();
  std::vector<int32_t> eos;
  const auto add = [&](int32_t id) {
    if (std::ranges::find(eos, id) == eos.end()) eos.push_back(id);
  };
  if (tokenizer.eos_id) add(*tokenizer.eos_id);
  if (tokenizer.eot_id) add(*tokenizer.eot_id);
  for (const int32_t id : tokenizer.eos_ids) add(id);
  if (tokenizer.bos_id) config["bos_token_id"] = *tokenizer.bos_id;
  if (!eos.empty()) config["eos_token_id"] = eos;
  if (tokenizer.pad_id) config["pad_token_id"] = *tokenizer.pad_id;
  return config;
}

/// What a Hugging Face loader looks for in a folder, beside model.safetensors.
constexpr std::array kReadByLoaders = {"model.safetensors.index.json",
                                       "adapter_config.json",
                                       "config.json",
                                       "generation_config.json",
                                       "tokenizer.json",
                                       "tokenizer.model",
                                       "spiece.model",
                                       "tokenizer_config.json",
                                       "special_tokens_map.json",
                                       "added_tokens.json",
                                       "vocab.json",
                                       "merges.txt",
                                       "chat_template.jinja",
                                       "chat_template.json",
                                       "additional_chat_templates"};
/// Those of them that travel from folder to folder as they are.
constexpr std::array kCopied = {"generation_config.json", "tokenizer.json", "tokenizer.model",
                                "tokenizer_config.json",  "vocab.json",     "special_tokens_map.json",
                                "added_tokens.json",      "merges.txt",     "chat_template.jinja"};

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

/// All files but the weights, made before a byte is written: a tokenizer that cannot be described fails early.
NamedTexts small_files(const ModelFiles& model, const TokenizerData& tokenizer, WeightScheme weights) {
  NamedTexts files;
  if (model.gguf() || model.path().empty()) {  // there is no folder to take them from
    files = {{"config.json", made_config(model.config(), tokenizer, weights).dump(2) + "\n"},
             {"tokenizer.json", make_tokenizer_json(tokenizer).dump() + "\n"},
             {"tokenizer_config.json", make_tokenizer_config_json(tokenizer).dump(2) + "\n"},
             {"generation_config.json", generation_config(tokenizer).dump(2) + "\n"}};
  } else {
    const fs::path source = model.path();
    files.emplace_back("config.json", config_from_folder(source, weights).dump(2) + "\n");
    for (const char* name : kCopied)
      if (path_exists(source / name)) files.emplace_back(name, read_file(source / name));
  }
  return files;
}

/// Throws ArgumentError where files of `folder` would be lost, or read together with the new ones.
void check_folder(const ModelFiles& model, const fs::path& folder, const NamedTexts& files) {
  std::error_code error;
  SLM_CHECK(!fs::equivalent(folder, model.path(), error), "[export] {} is the folder the model is read from",
            folder.string());
  check_is_not_source(model, folder / kWeights);
  for (const auto& [name, text] : files) check_is_not_source(model, folder / name);
  for (const char* name : kReadByLoaders)
    SLM_CHECK(
        std::ranges::find(files, name, &NamedTexts::value_type::first) != files.end() || !path_exists(folder / name),
        "[export] {} holds {} of another model, which would be read with this one: choose another folder, or "
        "remove that file",
        folder.string(), name);
}

/// The small files, once nothing stands against writing them.
NamedTexts checked_files(const ModelFiles& model, const TokenizerData& tokenizer, const fs::path& folder,
                         WeightScheme weights) {
  torch_name(weights);  // throws for a quantized scheme
  NamedTexts files = small_files(model, tokenizer, weights);
  check_folder(model, folder, files);
  return files;
}

/// A folder in the making. Nothing of it is seen before commit(); without that, nothing stays of it.
class NewFolder {
 public:
  explicit NewFolder(fs::path path) : path_(std::move(path)) {
    for (fs::path missing = path_; !missing.empty() && !path_exists(missing); missing = missing.parent_path())
      made_.push_back(missing);
    std::error_code error;
    fs::create_directories(path_, error);
    if (!error) return;
    remove_made();
    throw IoError(fmt::format("[export] cannot make the folder {}", path_.string()), error.value());
  }
  ~NewFolder() {
    std::error_code ignored;
    for (const fs::path& file : placed_) fs::remove(file, ignored);
    files_.clear();
    remove_made();
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  AtomicFile& add(const std::string& name) {
    std::error_code error;  // a link that leads nowhere is there, too
    const bool replaces = fs::exists(fs::symlink_status(path_ / name, error));
    files_.push_back({name, replaces, std::make_unique<AtomicFile>(path_ / name)});
    return *files_.back().file;
  }
  /// Writes all to the disk, then puts them in place, in the order they were added; gives their bytes.
  uint64_t commit() {
    uint64_t bytes = 0;
    for (File& file : files_) {
      file.file->sync();
      bytes += file.file->position();
    }
    std::string replaced;
    for (File& file : files_) {
      try {
        file.file->commit();
      } catch (const IoError& error) {
        if (replaced.empty()) throw;
        throw IoError(fmt::format("[export] {} holds files of two models: {} replaced older ones, {} and what comes "
                                  "after it did not",
                                  path_.string(), replaced, file.name),
                      error.error_number());
      }
      if (file.replaces)
        replaced += (replaced.empty() ? "" : ", ") + file.name;
      else
        placed_.push_back(path_ / file.name);
    }
    placed_.clear();
    made_.clear();
    return bytes;
  }

 private:
  struct File {
    std::string name;
    bool replaces;
    std::unique_ptr<AtomicFile> file;
  };
  void remove_made() const {
    std::error_code ignored;
    for (const fs::path& folder : made_) fs::remove(folder, ignored);  // one that is not empty stays
  }

  fs::path path_;
  std::vector<fs::path> made_;    // deepest first
  std::vector<fs::path> placed_;  // where nothing was before: removed again on failure
  std::vector<File> files_;
};

void write_weights(const ModelFiles& model, AtomicFile& file, const HfExportOptions& options, ExportReport& report) {
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

void check_hf_export(const ModelFiles& model, const TokenizerData& tokenizer, const fs::path& folder,
                     const HfExportOptions& options) {
  const NamedTexts files = checked_files(model, tokenizer, folder, options.weights);
  NewFolder trial(folder);
  for (const auto& [name, text] : files) trial.add(name);
  trial.add(kWeights);
}

ExportReport export_hf_folder(const ModelFiles& model, const TokenizerData& tokenizer, const fs::path& folder,
                              const HfExportOptions& options) {
  const NamedTexts files = checked_files(model, tokenizer, folder, options.weights);
  ExportReport report;
  NewFolder made(folder);
  for (const auto& [name, text] : files) made.add(name).write(text.data(), text.size());
  write_weights(model, made.add(kWeights), options, report);  // in place last: the heaviest to lose
  report.file_bytes = made.commit();
  return report;
}

}  // namespace slm
