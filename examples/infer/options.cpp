// SPDX-License-Identifier: Apache-2.0
#include "infer/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "cli/model_options.h"
#include "cli/option_values.h"
#include "cli/program.h"
#include "cli/terminal.h"

namespace slm {

const char* const kInferTeaches =
    R"(Runs a language model: reads a prompt, writes the model's text as it comes.

A model that has a chat template gets the prompt as the user's first message; with --raw, or where the model has no
template, the text itself is continued. --chat talks in turns: a line is a message, and one that begins with a slash
a command: /reset forgets the talk, /exit ends it, /help lists them; //text sends "/text". When the context is full,
--chat drops the oldest turns (the system prompt stays) and says so; a single answer ends there and says so. What you
write is never read as control tokens.
Ctrl-C ends the answer cleanly: what there is so far stays, and the exit code is 0.)";

std::string infer_examples() {
  return describe_weights() + R"(
Examples:
  infer --model models/qwen2.5-0.5b --prompt "What is a levee?" --weights w4g32
  infer --model model.gguf --raw --prompt "def fibonacci(n):" -n 64
  infer --model model.gguf --chat --system "Answer briefly." --temperature 0.7 --top-p 0.9
  cat report.txt | infer --model model.gguf --ctx 8192 --json
JSON: {model, weights, threads, prompt_ids, ids, text, stop, load_seconds, first_token_seconds,
  prefill_tokens_per_second, decode_tokens_per_second, exec_to_first_token_seconds, kv_bytes, packed_bytes,
  peak_rss_bytes}; with --chat these of each turn, user and dropped_turns in turns, and error where a message ended the
  talk (too long for the context: exit code 1).
  load_seconds is opening the files, the tokenizer and the weights; first_token_seconds begins after that,
  exec_to_first_token_seconds when the program starts.)";
}

void add_infer_options(CLI::App& app, InferOptions& o) {
  add_model_option(app, o.model);
  CLI::Option* prompt = app.add_option("--prompt", o.prompt, "The prompt");
  prompt->type_name("S");
  CLI::Option* file = app.add_option("--file", o.file, "A file that holds it, in UTF-8; - for stdin (the default)");
  file->check(not_empty())->type_name("F")->excludes(prompt);
  CLI::Option* chat = app.add_flag("--chat", o.chat, "Talk in turns, read from stdin line by line");
  chat->excludes(prompt)->excludes(file);
  CLI::Option* raw = app.add_flag("--raw", o.raw, "Continue the prompt's own text: no chat template");
  raw->excludes(chat);
  app.add_option("--system", o.system, "System prompt (default: the one in the model's template, if any)")
      ->type_name("S")
      ->excludes(raw);
  add_weights_option(app, o.weights);
  add_number(app, "-n", o.max_tokens, "Most tokens to write (default 256, with --chat -1: until the model stops)",
             WholeRange{-1});
  add_number(app, "--ctx", o.context,
             "Tokens of context to make room for (default: what prompt and -n need; with --chat 4096; never more than "
             "the model's)",
             WholeRange{1});
  add_kv_option(app, o.kv);
  app.add_option("--stop", o.stop, "End before this text; may be given several times")
      ->check(not_empty())
      ->type_name("S")
      ->allow_extra_args(false);
  app.add_flag("--ignore-eos", o.ignore_eos, "Go on where the model would end");
  const auto sampling = [&app](const char* flag, auto& value, const char* text, const auto& range) {
    add_number(app, flag, value, text, range)->group("Sampling");
  };
  SamplerOptions& s = o.sampler;
  const uint64_t most_k = std::numeric_limits<int32_t>::max();
  sampling("--temperature", s.temperature, "0: always the likeliest token; higher: more varied", RealRange{0, 1000});
  sampling("--top-k", s.top_k, "Only the K likeliest tokens, 0 for all", WholeRange{0, most_k});
  sampling("--top-p", s.top_p, "Only the likeliest tokens that together reach probability P", RealRange{0, 1, true});
  sampling("--min-p", s.min_p, "Only tokens at least P times as likely as the likeliest", RealRange{0, 1});
  sampling("--repeat-penalty", s.repeat_penalty, "More than 1: tokens of the last 64 become less likely",
           RealRange{0, 1000, true});
}

int64_t most_tokens(const InferOptions& o) { return o.max_tokens.value_or(o.chat ? -1 : 256); }

int64_t choose_context(const InferOptions& o, int64_t prompt_tokens, int64_t of_model) {
  const int64_t most = most_tokens(o);
  const int64_t needed = o.chat ? 4096 : most < 0 ? of_model : prompt_tokens + most;
  const int64_t context = o.context.value_or(std::min(needed, of_model));
  if (context > of_model)
    throw ArgumentError(fmt::format("[infer] --ctx is {}, the model has a context of {}", context, of_model));
  if (prompt_tokens > context)
    throw ArgumentError(fmt::format("[infer] the prompt has {}, the context has room for {}: {}",
                                    counted(prompt_tokens, "token"), context, context_hint(context, of_model)));
  return context;
}

std::string context_hint(int64_t context, int64_t of_model) {
  return context < of_model ? fmt::format("--ctx may be up to {} with this model", of_model)
                            : "--ctx cannot be more with this model";
}

ChatTemplate open_chat(const Tokenizer& tokenizer) try {
  return ChatTemplate(tokenizer);
} catch (const ArgumentError& error) {
  throw ArgumentError(fmt::format("{}; --raw continues a text without a template", error.what()));
}

std::string read_prompt(const InferOptions& o) {
  if (!o.prompt && !o.file && stdin_is_terminal())
    throw UsageError("[infer] no prompt: give --prompt, --file or --chat, or pipe it in (see infer --help)");
  if (o.prompt) tell_bytes_that_are_no_utf8("--prompt", *o.prompt);
  std::string text = o.prompt ? *o.prompt : read_text(o.file.value_or("-"));
  if (text.empty()) throw ArgumentError("[infer] the prompt is empty, expected text");
  return text;
}

void drop_line_end(std::string& text) {
  if (!text.ends_with('\n')) return;
  text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

}  // namespace slm
