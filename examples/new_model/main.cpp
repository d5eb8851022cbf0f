// SPDX-License-Identifier: Apache-2.0
// new_model: a model that was never trained: a vocabulary learned from text, random weights, a Hugging Face folder.
#include <fmt/format.h>

#include "cli/option_values.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "new_model/vocabulary.h"
#include "slm/export/hf_folder.h"
#include "slm/io/free_space.h"
#include "slm/model/initialize.h"
#include "slm/model/model_files.h"
#include "slm/text/tokenizer.h"

namespace {

constexpr const char* kTeaches =
    R"(Makes a model of Qwen2's architecture that knows nothing yet, for qat_kd_train to train: a byte-level BPE vocabulary
learned from --text (of *.jsonl the "text" of each line), or that of --tokenizer, and random weights from the seed.)";
constexpr const char* kExamples = R"(Examples:
  new_model --text train.jsonl --vocab 512 --width 128 --layers 4 --heads 4 --kv-heads 2 --ffn 352 --out student
  new_model --tokenizer student --width 256 --layers 6 --heads 8 --kv-heads 4 --ffn 704 --out teacher
JSON: {out, parameters, vocab, seed})";

}  // namespace

int main(int argc, char** argv) {
  slm::Program program("new_model", kTeaches, kExamples);
  std::string text, tokenizer, out;
  int32_t vocab = 1024;
  slm::ModelConfig config{.family = slm::Family::Qwen2,
                          .width = 128,
                          .layers = 4,
                          .heads = 4,
                          .kv_heads = 2,
                          .ffn = 352,
                          .context = 512,
                          .rope_theta = 10000.0,
                          .norm_eps = 1e-6f,
                          .qkv_bias = true,
                          .tied_head = true};
  CLI::App& app = program.options();
  CLI::Option* from_text = app.add_option("--text", text, "Text to learn the vocabulary from")->type_name("FILE");
  CLI::Option* given =
      app.add_option("--tokenizer", tokenizer, "A model whose vocabulary to take")->type_name("DIR|FILE");
  from_text->excludes(given);
  slm::add_number(app, "--vocab", vocab, "Tokens of the vocabulary learned", slm::WholeRange{257, 1 << 20})
      ->excludes(given);
  const auto size = [&app](const char* flag, int64_t& value, const char* says, uint64_t most = 1 << 20) {
    slm::add_number(app, flag, value, says, slm::WholeRange{1, most});
  };
  size("--width", config.width, "Width of the residual stream, a multiple of the heads");
  size("--layers", config.layers, "Layers", slm::kMostLayers);
  size("--heads", config.heads, "Attention heads", slm::kMostHeads);
  size("--kv-heads", config.kv_heads, "Key-value heads", slm::kMostHeads);
  size("--ffn", config.ffn, "Width of the feed-forward layer");
  size("--context", config.context, "Tokens the model is made for");
  app.add_option("--out", out, "The folder to write")->required()->check(slm::not_empty())->type_name("DIR");

  return program.run(argc, argv, [&] {
    const slm::EndOnSignal no_half_file;
    if (text.empty() == tokenizer.empty()) throw slm::UsageError("[new_model] expected one of --text and --tokenizer");
    if (config.width % config.heads != 0)
      throw slm::UsageError(
          fmt::format("[new_model] --width is {}, expected a multiple of --heads, {}", config.width, config.heads));
    if (config.heads % config.kv_heads != 0)
      throw slm::UsageError(fmt::format("[new_model] --heads is {}, expected a multiple of --kv-heads, {}",
                                        config.heads, config.kv_heads));
    std::error_code error;
    for (const char* file :
         {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"})
      if (std::filesystem::exists(std::filesystem::path(out) / file, error))
        throw slm::ArgumentError(fmt::format("[new_model] --out {} holds {}: choose another folder", out, file));
    config.head_dim = config.width / config.heads;
    const slm::TokenizerData data =
        tokenizer.empty() ? slm::learn_vocabulary(text, vocab) : slm::Tokenizer::load(tokenizer).data();
    config.vocab = std::ssize(data.tokens);
    if (tokenizer.empty() && config.vocab < vocab)
      slm::tell("warning: the text has pairs for a vocabulary of {}, --vocab is {}\n", config.vocab, vocab);
    check(config);
    uint64_t bytes = 0;
    for (const slm::ExpectedTensor& tensor : slm::expected_tensors(config))
      bytes += static_cast<uint64_t>(tensor.shape.elements()) * sizeof(float);
    slm::check_free_space(out, bytes);
    slm::ProgressLine drawing("drawing"), writing("writing");
    const auto values = slm::initial_values(config, program.seed(), drawing.callback());
    const slm::ModelFiles model = slm::ModelFiles::in_memory(
        config, [&](const std::string& name) { return std::span<const float>(values.at(name)); });
    const slm::ExportReport report =
        slm::export_hf_folder(model, data, out, {.weights = slm::WeightScheme::F32, .progress = writing.callback()});
    writing.finish();
    if (program.json())
      return slm::print_json(
          {{"out", out}, {"parameters", report.parameters}, {"vocab", config.vocab}, {"seed", program.seed()}});
    fmt::print("{}: {}, vocabulary of {}\n", out, slm::counted(static_cast<int64_t>(report.parameters), "parameter"),
               config.vocab);
  });
}
