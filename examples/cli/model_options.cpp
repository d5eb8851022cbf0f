// SPDX-License-Identifier: Apache-2.0
#include "cli/model_options.h"

#include <fmt/format.h>
#include <malloc.h>

#include <map>

#include "cli/terminal.h"
#include "slm/quant/scheme.h"

namespace slm {
namespace {

constexpr std::string_view kAsIs = "as-is";

std::string known_weights() {
  std::string names(kAsIs);
  for (const WeightSchemeInfo& scheme : weight_schemes()) names += " " + std::string(scheme.name);
  return names;
}

}  // namespace

std::string refuse_unknown_weights(const std::string& word) {
  try {
    parse_weights(word);
    return {};
  } catch (const ArgumentError& error) {
    return error.what();
  }
}

void add_model_option(CLI::App& app, std::string& path) {
  app.add_option("--model", path, "A Hugging Face folder (config.json, *.safetensors, tokenizer) or a GGUF file")
      ->required()
      ->type_name("DIR|FILE");
}

void add_weights_option(CLI::App& app, std::string& value) {
  app.add_option("--weights", value, "How the weights are held and multiplied: " + known_weights())
      ->check(CLI::Validator(refuse_unknown_weights, ""))
      ->type_name("SCHEME")
      ->capture_default_str();
}

void add_weights_option(CLI::App& app, std::vector<std::string>& values) {
  app.add_option("--weights", values, "One or more, separated by commas: " + known_weights())
      ->delimiter(',')
      ->check(CLI::Validator(refuse_unknown_weights, ""))
      ->type_name("SCHEME[,…]")
      ->capture_default_str();
}

void add_kv_option(CLI::App& app, kernels::KvStorage& kv) {
  const std::map<std::string, kernels::KvStorage> names = {{"f32", kernels::KvStorage::F32},
                                                           {"f16", kernels::KvStorage::F16}};
  app.add_option("--kv", kv,
                 fmt::format("Type of the keys and values kept: f32 or f16 (default {})",
                             kv == kernels::KvStorage::F32 ? "f32" : "f16"))
      ->transform(CLI::CheckedTransformer(names, CLI::ignore_case).description(""))
      ->type_name("f32|f16");
}

SchemePlan parse_weights(std::string_view name) {
  if (name == kAsIs) return {};
  for (const WeightSchemeInfo& scheme : weight_schemes())
    if (scheme.name == name) return {.weights = scheme.scheme, .keep_fp = {}};
  throw ArgumentError(fmt::format("[weights] \"{}\" is unknown, expected one of: {}", name, known_weights()));
}

std::string weights_name(const SchemePlan& plan) { return std::string(plan.weights ? name(*plan.weights) : kAsIs); }

std::string describe_weights() {
  std::string text = fmt::format("Weights:\n  {:7} {}\n", kAsIs,
                                 "as the file stores them; types that no kernel runs natively become w8g32");
  for (const WeightSchemeInfo& scheme : weight_schemes())
    text += fmt::format("  {:7} {}\n", scheme.name, scheme.meaning);
  return text;
}

Tokenizer load_tokenizer(const std::string& path) {
  Tokenizer tokenizer = Tokenizer::load(path);
#ifdef __GLIBC__
  malloc_trim(0);  // parsing took several times the vocabulary: the weights shall not come on top of that
#endif
  return tokenizer;
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
  if (!types.empty())
    fmt::print(stderr, "note: no kernel runs these types as stored, they became w8g32: {} matrices\n", types);
  return model;
}

}  // namespace slm
