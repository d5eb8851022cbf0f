// SPDX-License-Identifier: Apache-2.0
// What infer is asked to do: its command line, and the prompt it names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "slm/kernels/attention/attention.h"
#include "slm/runtime/generate.h"
#include "slm/text/chat_template.h"

namespace CLI {
class App;
}

namespace slm {

struct InferOptions {
  std::string model;
  std::optional<std::string> prompt, file;
  bool chat = false, raw = false;
  std::string weights = "as-is";
  std::optional<int64_t> max_tokens;  ///< −1: until the model stops
  std::optional<int64_t> context;
  kernels::KvStorage kv = kernels::KvStorage::F16;
  std::optional<std::string> system;
  SamplerOptions sampler;
  std::vector<std::string> stop;
  bool ignore_eos = false;
};

extern const char* const kInferTeaches;
std::string infer_examples();
void add_infer_options(CLI::App& app, InferOptions& options);
/// Tokens to write at most: -n or its default. −1: until the model stops.
int64_t most_tokens(const InferOptions& options);
/// Tokens of context: what is asked for, else what is needed, never beyond the model's own. Throws ArgumentError.
int64_t choose_context(const InferOptions& options, int64_t prompt_tokens, int64_t of_model);
/// For messages of what does not fit: what --ctx may be.
std::string context_hint(int64_t context, int64_t of_model);
/// The tokenizer's chat format. Throws ArgumentError that says what to do without one.
ChatTemplate open_chat(const Tokenizer& tokenizer);
/// --prompt, --file, or all of stdin, as it is. Throws UsageError where stdin is a terminal, ArgumentError where empty.
std::string read_prompt(const InferOptions& options);
/// Takes one "\n" or "\r\n" off the end.
void drop_line_end(std::string& text);

}  // namespace slm
