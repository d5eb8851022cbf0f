// SPDX-License-Identifier: Apache-2.0
#include "cli/model_options.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "cli/option_values.h"
#include "cli/terminal.h"
#include "slm/quant/scheme.h"

namespace slm {
namespace {

constexpr std::string_view kAsIs = "as-is";

std::string known_weights() { return fmt::format("{} {}", kAsIs, known_weight_schemes()); }

/// Why a path that is there is no model, and which is; empty where opening it shall tell.
std::string say_what_to_pass(const std::string& word, bool tokenizer_will_do) {
  namespace fs = std::filesystem;
  const fs::path path(word);
  std::error_code error;
  if (tokenizer_will_do && path.filename() == "tokenizer.json") return {};
  if (fs::is_regular_file(path, error) && (path.extension() == ".safetensors" || path.extension() == ".json"))
    return fmt::format("'{}' is one file of a Hugging Face folder, pass the folder: {}", word,
                       path.has_parent_path() ? path.parent_path().string() : ".");
  if (!fs::is_directory(path, error) || fs::exists(path / "config.json", error)) return {};
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(path, error))
    if (entry.path().extension() == ".gguf") files.insert(entry.path().string());
  if (files.empty()) return {};
  return fmt::format("'{}' is a folder without config.json that holds {}: pass {}", word,
                     counted(std::ssize(files), "GGUF file"), *files.begin());
}

void add_path_option(CLI::App& app, std::string& path, const char* text, bool tokenizer_will_do) {
  const auto check = [=](const std::string& word) { return say_what_to_pass(word, tokenizer_will_do); };
  app.add_option("--model", path, text)
      ->required()
      ->check(not_empty())
      ->check(CLI::Validator(check, ""))
      ->type_name("DIR|FILE");
}

template <class Parse>
std::string refuse(const std::string& word, Parse parse) {
  try {
    parse(word);
    return {};
  } catch (const ArgumentError& error) {
    return error.what();
  }
}

}  // namespace

std::string refuse_unknown_weights(const std::string& word) { return refuse(word, parse_weights); }
std::string refuse_unknown_schemes(const std::string& word) { return refuse(word, parse_weight_scheme); }

void add_model_option(CLI::App& app, std::string& path) {
  add_path_option(app, path, "A Hugging Face folder (config.json, *.safetensors, tokenizer) or a GGUF file", false);
}

void add_tokenizer_option(CLI::App& app, std::string& path) {
  add_path_option(app, path, "A Hugging Face folder, a GGUF file, or a tokenizer.json or tokenizer.model alone", true);
}

void add_weights_option(CLI::App& app, std::string& value) {
  app.add_option("--weights", value, "How the weights are held and multiplied: " + known_weights())
      ->check(CLI::Validator(refuse_unknown_weights, ""))
      ->type_name("SCHEME")
      ->capture_default_str();
}

void add_weights_option(CLI::App& app, std::vector<std::string>& values) {
  add_list(app, "--weights", values, "One or more, separated by commas: " + known_weights(), refuse_unknown_weights)
      ->type_name("SCHEME[,…]");
}

void add_kv_option(CLI::App& app, kernels::KvStorage& kv) {
  app.add_option_function<std::string>(
         "--kv",
         [&kv](const std::string& word) { kv = word == "f32" ? kernels::KvStorage::F32 : kernels::KvStorage::F16; },
         "Type of the keys and values kept")
      ->check(one_of({"f16", "f32"}))
      ->type_name("f16|f32")
      ->default_str(kv == kernels::KvStorage::F32 ? "f32" : "f16");
}

SchemePlan parse_weights(std::string_view name) {
  if (name == kAsIs) return {};
  if (const std::optional<WeightScheme> scheme = find_weight_scheme(name)) return {.weights = *scheme, .keep_fp = {}};
  throw ArgumentError(fmt::format("[weights] \"{}\" is unknown, expected one of: {}", name, known_weights()));
}

std::string weights_name(const SchemePlan& plan) { return std::string(plan.weights ? name(*plan.weights) : kAsIs); }

std::string describe_weights() {
  std::string text = fmt::format("Weights:\n  {:7} {}\n", kAsIs,
                                 "as the file stores them; types that no kernel runs natively become w8g32");
  for (const WeightSchemeInfo& scheme : weight_schemes())
    text += fmt::format("  {:7} {}\n", scheme.name, scheme.meaning);
  return text + R"(  w{2…8}{t c g32 g64 g128}{z a}
          other widths; one scale per tensor, output channel or group of a row; z: with an integer zero point (to 7
          bits), a: with a minimum (groups, to 4 bits). Held in the narrowest of the types above that has their codes.
)";
}

Tokenizer load_tokenizer(const std::string& path) {
  Tokenizer tokenizer = Tokenizer::load(path);
#ifdef __GLIBC__
  malloc_trim(0);  // parsing took several times the vocabulary: the weights shall not come on top of that
#endif
  return tokenizer;
}

void check_sequence(int64_t tokens, const ModelFiles& files, const char* whose) {
  if (tokens > files.config().context)
    throw ArgumentError(
        fmt::format("[train] --seq is {}, the {} has a context of {}", tokens, whose, files.config().context));
}

std::shared_ptr<const Model> load_model_showing(const std::string& path, const LoadOptions& options) {
  return load_model_showing(ModelFiles::open(path), options);
}

std::shared_ptr<const Model> load_model_showing(const ModelFiles& files, const LoadOptions& options) {
  ProgressLine line("loading");
  LoadOptions shown = options;
  if (!shown.progress) shown.progress = line.callback();
  auto model = std::make_shared<const Model>(load_model(files, shown));
  line.finish();
  std::map<std::string_view, int> changed;
  for (const LoadedMatrix& matrix : model->matrices)
    if (!options.plan.weights && matrix.stored != Dtype::I8 && !native_scheme(matrix.stored))
      ++changed[name(matrix.stored)];
  std::string types;
  for (const auto& [type, count] : changed) types += fmt::format("{}{} {}", types.empty() ? "" : ", ", count, type);
  if (!types.empty()) tell("note: no kernel runs these types as stored, they became w8g32: {} matrices\n", types);
  if (model->unused_inputs > 0)
    tell("note: the file's static inputs of {} are not used: {}\n", counted(model->unused_inputs, "linear"),
         model->fake_activations ? "fake activations take their place" : "float weights take inputs as they are");
  return model;
}

}  // namespace slm
