// SPDX-License-Identifier: Apache-2.0
#include "infer/options.h"

#include "cli/model_options.h"
#include "cli/program.h"
#include "cli/terminal.h"

namespace slm {

const char* const kInferTeaches =
    R"(Runs a language model: reads a prompt, writes the model's text as it comes.

A model that has a chat template gets the prompt as the user's first message; with --raw, or where the model has no
template, the text itself is continued. --chat talks in turns: a line is a message, /reset forgets the talk, /exit
ends it. When the context is full, --chat drops the oldest turns (the system prompt stays) and says so; a single
answer ends there and says so. What you write is never read as control tokens.
Ctrl-C ends the answer cleanly: what there is so far stays, and the exit code is 0.)";

std::string infer_examples() {
  return describe_weights() + R"(
Examples:
  infer --model models/qwen2.5-0.5b --prompt "What is a levee?" --weights w4g32
  infer --model model.gguf --raw --prompt "def fibonacci(n):" -n 64
  infer --model model.gguf --chat --system "Answer briefly." --temperature 0.7 --top-p 0.9
  cat report.txt | infer --model model.gguf --ctx 8192 --json
JSON: {model, weights, prompt_ids, ids, text, stop, load_seconds, first_token_seconds, prefill_tokens_per_second,
  decode_tokens_per_second, exec_to_first_token_seconds, kv_bytes, packed_bytes, peak_rss_bytes}; with --chat these of
  each turn in turns. load_seconds is opening the files, the tokenizer and the weights; first_token_seconds begins
  after that, exec_to_first_token_seconds when the program starts.
Exit codes: 0 done, 1 error, 2 wrong usage.)";
}

void add_infer_options(CLI::App& app, InferOptions& o) {
  add_model_option(app, o.model);
  CLI::Option* prompt = app.add_option("--prompt", o.prompt, "The prompt")->type_name("S");
  CLI::Option* file = app.add_option("--file", o.file, "A file that holds it, - for stdin (the default)");
  file->type_name("F")->excludes(prompt);
  CLI::Option* chat = app.add_flag("--chat", o.chat, "Talk in turns, read from stdin line by line");
  chat->excludes(prompt)->excludes(file);
  CLI::Option* raw = app.add_flag("--raw", o.raw, "Continue the prompt's own text: no chat template");
  raw->excludes(chat);
  app.add_option("--system", o.system, "System prompt (default: the one in the model's template, if any)")
      ->type_name("S")
      ->excludes(raw);
  add_weights_option(app, o.weights);
  app.add_option("-n", o.max_tokens, "Most tokens to write; -1: until the model stops (default 256, with --chat -1)")
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 30).description(""))
      ->type_name("N");
  app.add_option("--ctx", o.context,
                 "Tokens of context to make room for (default: what prompt and -n need; with --chat 4096; never more "
                 "than the model's)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30).description(""))
      ->type_name("N");
  add_kv_option(app, o.kv);
  app.add_option("--stop", o.stop, "End before this text; may be given several times")
      ->type_name("S")
      ->allow_extra_args(false);
  app.add_flag("--ignore-eos", o.ignore_eos, "Go on where the model would end");
  const char* sampling = "Sampling";
  app.add_option("--temperature", o.sampler.temperature, "0: always the likeliest token; higher: more varied")
      ->check(CLI::Range(0.0f, 1000.0f).description(""))
      ->group(sampling)
      ->capture_default_str();
  app.add_option("--top-k", o.sampler.top_k, "Only the K likeliest tokens; 0: all")
      ->check(CLI::Range(0, 1 << 30).description(""))
      ->group(sampling)
      ->capture_default_str();
  app.add_option("--top-p", o.sampler.top_p, "Only the likeliest tokens that together reach probability P")
      ->check(CLI::Range(0.0f, 1.0f).description(""))
      ->group(sampling)
      ->capture_default_str();
  app.add_option("--min-p", o.sampler.min_p, "Only tokens at least P times as likely as the likeliest")
      ->check(CLI::Range(0.0f, 1.0f).description(""))
      ->group(sampling)
      ->capture_default_str();
  app.add_option("--repeat-penalty", o.sampler.repeat_penalty, "Above 1: tokens of the last 64 become less likely")
      ->check(CLI::Range(1e-6f, 1000.0f).description(""))
      ->group(sampling)
      ->capture_default_str();
}

std::string read_prompt(const InferOptions& o) {
  if (!o.prompt && !o.file && stdin_is_terminal())
    throw UsageError("[infer] no prompt: give --prompt, --file or --chat, or pipe it in (see infer --help)");
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
