// SPDX-License-Identifier: Apache-2.0
// infer: prompt → text. Read main() top to bottom: it is the inference road; each call leads into the library.
#include "cli/model_options.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "infer/options.h"
#include "infer/talk.h"
#include "slm/runtime/conversation.h"
#include "slm/runtime/generate.h"
#include "slm/runtime/session.h"
#include "slm/text/chat_template.h"

int main(int argc, char** argv) {
  slm::Program program("infer", slm::kInferTeaches, slm::infer_examples());
  slm::InferOptions o;
  slm::add_infer_options(program.options(), o);

  return program.run(argc, argv, [&] {
    if (o.system) slm::tell_bytes_that_are_no_utf8("--system", *o.system);
    std::string text = o.chat ? std::string() : slm::read_prompt(o);
    const double files_begin = program.elapsed_seconds();
    const slm::ModelFiles files = slm::ModelFiles::open(o.model);
    const slm::Tokenizer tokenizer = slm::load_tokenizer(o.model);
    const double files_seconds = program.elapsed_seconds() - files_begin;

    std::optional<slm::ChatTemplate> chat;
    std::vector<int32_t> prompt_ids;
    if (o.chat || o.system || (!o.raw && !tokenizer.chat_template().empty())) chat = slm::open_chat(tokenizer);
    if (chat && !o.chat) {
      if (!o.prompt) slm::drop_line_end(text);  // the one a file or echo ends with
      std::vector<slm::ChatMessage> messages;
      if (o.system) messages.push_back({slm::ChatRole::System, *o.system});
      messages.push_back({slm::ChatRole::User, text});
      prompt_ids = chat->encode(messages);
    } else if (!o.chat) {
      if (!o.raw) slm::tell("note: the model has no chat template, its text is continued as with --raw\n");
      prompt_ids = tokenizer.encode(text, {.add_bos = tokenizer.add_bos()});
    }
    const int64_t context = slm::choose_context(o, std::ssize(prompt_ids), files.config().context);

    const double weights_begin = program.elapsed_seconds();
    const auto model = slm::load_model_showing(files, {.plan = slm::parse_weights(o.weights)});
    slm::Session session(model, {.context = context, .kv = o.kv});
    const double load_end = program.elapsed_seconds();
    const double load_seconds = files_seconds + load_end - weights_begin;

    slm::InterruptFlag interrupt;
    o.sampler.seed = program.seed();
    slm::GenerateOptions generate = {.max_tokens = slm::most_tokens(o), .stop_strings = o.stop, .sampler = o.sampler};
    if (!o.ignore_eos) generate.stop_ids = chat ? chat->stop_ids() : tokenizer.eos_ids();
    generate.start = chat ? slm::StreamStart::TextStart : slm::StreamStart::Continuation;
    generate.cancelled = [&] { return interrupt.raised(); };
    if (!program.json()) generate.on_text = slm::write_now;

    slm::JsonDocument document = {{"model", o.model}, {"weights", o.weights}, {"threads", program.threads()}};
    if (o.chat) {
      slm::Conversation conversation(session, tokenizer, *chat, o.system);
      slm::talk(conversation, session, generate, interrupt, program.json() ? &document : nullptr);
    } else {
      const slm::Generated result = slm::generate(session, tokenizer, prompt_ids, generate);
      if (!program.json() && !result.text.empty()) slm::write_now("\n");
      if (result.stop == slm::StopReason::ContextFull)
        slm::tell("note: the context of {} is full, the text ends here; {}\n", slm::counted(context, "token"),
                  slm::context_hint(context, files.config().context));
      slm::tell("loaded in {:.2f} s; {}; peak memory {}\n", load_seconds, slm::timing_line(result),
                slm::megabytes(slm::peak_rss_bytes()));
      document.update(slm::to_json(result, prompt_ids));
      document["exec_to_first_token_seconds"] = load_end + result.first_token_seconds;
    }
    document["load_seconds"] = load_seconds;
    document["packed_bytes"] = model->packed_bytes;
    document["kv_bytes"] = session.kv_bytes();
    document["peak_rss_bytes"] = slm::peak_rss_bytes();
    if (program.json()) slm::print_json(document);
    if (document.contains("error")) throw slm::ArgumentError(document["error"]);
  });
}
