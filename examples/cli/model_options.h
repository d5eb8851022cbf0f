// SPDX-License-Identifier: Apache-2.0
// Options about models that several programs share, and loading with progress on stderr.
// In: command-line words.  Out: SchemePlan, Tokenizer, Model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "slm/kernels/attention/attention.h"
#include "slm/model/load.h"
#include "slm/text/tokenizer.h"

namespace CLI {
class App;
}

namespace slm {

/// --model DIR|FILE, required. A path that is only part of a model, or only holds one, is wrong usage: the message says
/// what to pass.
void add_model_option(CLI::App& app, std::string& path);
/// The same for a program that needs no weights: a tokenizer.json or tokenizer.model alone will do.
void add_tokenizer_option(CLI::App& app, std::string& path);
/// --weights; unknown names are wrong usage. `value` keeps its default. A list where `values` is one: each name once.
void add_weights_option(CLI::App& app, std::string& value);
void add_weights_option(CLI::App& app, std::vector<std::string>& values);
/// For options like it, in the form of a CLI11 validator: why the word is no --weights value, empty where it is one.
std::string refuse_unknown_weights(const std::string& word);
/// The same where as-is is none: schemes alone.
std::string refuse_unknown_schemes(const std::string& word);
/// --kv f32|f16.
void add_kv_option(CLI::App& app, kernels::KvStorage& kv);

/// "as-is" or a scheme name. Throws ArgumentError listing the names.
SchemePlan parse_weights(std::string_view name);
/// The inverse: "as-is", "w4g32".
std::string weights_name(const SchemePlan& plan);
/// The known names with their meaning, a line each, for --help.
std::string describe_weights();

/// Throws ArgumentError where --seq is longer than the model's context.
void check_sequence(int64_t tokens, const ModelFiles& files, const char* whose);
/// The tokenizer, with the memory its parsing took given back to the system: load it before the weights.
Tokenizer load_tokenizer(const std::string& path);
/// Loads with progress on stderr, and says there which stored types no kernel runs and what they became, and that
/// static inputs are not used.
std::shared_ptr<const Model> load_model_showing(const ModelFiles& files, const LoadOptions& options);
std::shared_ptr<const Model> load_model_showing(const std::string& path, const LoadOptions& options);

}  // namespace slm
