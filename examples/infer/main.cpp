// SPDX-License-Identifier: Apache-2.0
// infer: prompt → text. Read main() top to bottom: it is the inference road; each call leads into the library.
#include <fmt/format.h>

#include <algorithm>

#include "cli/model_options.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "infer/options.h"
#include "infer/talk.h"
#include "slm/runtime/conversation.h"
#include "slm/runtime/generate.h"
#include "slm/runtime/session.h"
#include "slm/text/chat_template.h"

namespace {

/// Tokens of context: what is asked for, else what is needed, never beyond the model's own.
int64_t choose_context(const slm::InferOptions& o, int64_t prompt_tokens, int64_t max_tokens, int64_t of_model) {
  const int64_t needed = o.chat ? 4096 : max_tokens < 0 ? of_model : prompt_tokens + max_tokens;
  const int64_t context = o.context.value_or(std::min(needed, of_model));
  if (context > of_model)
    throw slm::ArgumentError(fmt::format("[infer] --ctx is {}, the model has a context of {}", context, of_model));
  if (prompt_tokens > context)
    throw slm::ArgumentError(
        fmt::format("[infer] the prompt has {} tokens, the context has room for {}", prompt_tokens, context));
  return context;
}

}  // namespace

int main(int argc, char** argv) {
  slm::Program program("infer", slm::kInferTeaches, slm::infer_examples());
  slm::InferOptions o;
  slm::add_infer_options(program.options(), o);

  return program.run(argc, argv, [&] {
    std::string text = o.chat ? std::string() : slm::read_prompt(o);
    const double files_begin = program.elapsed_seconds();
    const slm::ModelFiles files = slm::ModelFiles::open(o.model);
    const slm::Tokenizer tokenizer = slm::load_tokenizer(o.model);
    const double files_seconds = program.elapsed_seconds() - files_begin;

    std::optional<slm::ChatTemplate> chat;
    std::vector<int32_t> prompt_ids;
    if (o.chat || o.system || (!o.raw && !tokenizer.chat_template().empty())) chat.emplace(tokenizer);
    if (chat && !o.chat) {
      if (!o.prompt) slm::drop_line_end(text);  // the one a file or echo ends with
      std::vector<slm::ChatMessage> messages;
      if (o.system) messages.push_back({slm::ChatRole::System, *o.system});
      messages.push_back({slm::ChatRole::User, text});
      prompt_ids = chat->encode(messages);
    } else if (!o.chat) {
      if (!o.raw) fmt::print(stderr, "note: the model has no chat template, its text is continued as with --raw\n");
      prompt_ids = tokenizer.encode(text, {.add_bos = tokenizer.add_bos()});
    }
    const int64_t max_tokens = o.max_tokens.value_or(o.chat ? -1 : 256);
    const int64_t context = choose_context(o, std::ssize(prompt_ids), max_tokens, files.config().context);

    const double weights_begin = program.elapsed_seconds();
    const auto model = slm::load_model_showing(files, {.plan = slm::parse_weights(o.weights)});
    slm::Session session(model, {.context = context, .kv = o.kv});
    const double load_end = program.elapsed_seconds();
    const double load_seconds = files_seconds + load_end - weights_begin;

    slm::InterruptFlag interrupt;
    o.sampler.seed = program.seed();
    slm::GenerateOptions generate = {.max_tokens = max_tokens, .stop_strings = o.stop, .sampler = o.sampler};
    if (!o.ignore_eos) generate.stop_ids = chat ? chat->stop_ids() : tokenizer.eos_ids();
    generate.start = chat ? slm::StreamStart::TextStart : slm::StreamStart::Continuation;
    generate.cancelled = [&] { return interrupt.raised(); };
    if (!program.json()) generate.on_text = slm::write_now;

    slm::JsonDocument document = {{"model", o.model}, {"weights", o.weights}, {"threads", program.threads()}};
    if (o.chat) {
      slm::Conversation conversation(session, tokenizer, *chat, o.system);
      document["turns"] = slm::talk(conversation, generate, interrupt, program.json());
    } else {
      const slm::Generated result = slm::generate(session, tokenizer, prompt_ids, generate);
      if (!program.json()) slm::write_now("\n");
      if (result.stop == slm::StopReason::ContextFull)
        fmt::print(stderr, "note: the context of {} tokens is full, the text ends here (--ctx)\n", context);
      fmt::print(stderr, "loaded in {:.2f} s; {}; peak memory {}\n", load_seconds, slm::timing_line(result),
                 slm::megabytes(slm::peak_rss_bytes()));
      document.update(slm::to_json(result, prompt_ids));
      document["exec_to_first_token_seconds"] = load_end + result.first_token_seconds;
    }
    document["load_seconds"] = load_seconds;
    document["packed_bytes"] = model->packed_bytes;
    document["kv_bytes"] = session.kv_bytes();
    document["peak_rss_bytes"] = slm::peak_rss_bytes();
    if (program.json()) slm::print_json(document);
  });
}
