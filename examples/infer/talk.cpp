// SPDX-License-Identifier: Apache-2.0
#include "infer/talk.h"

#include <fmt/format.h>

#include <iostream>

#include "infer/options.h"

namespace slm {
namespace {

constexpr const char* kCommands =
    "/reset forgets the talk, /exit or Ctrl-D ends it, /help says this, //text sends \"/text\"; "
    "Ctrl-C ends an answer\n";

enum class Line { Message, Nothing, Exit };

/// Does what a line of commands asks for; of a message takes away what is not its own.
Line read_line(std::string& line, Conversation& conversation) {
  if (line.ends_with('\r')) line.pop_back();  // of a file whose lines end as on Windows
  if (!line.starts_with('/')) return line.empty() ? Line::Nothing : Line::Message;
  if (line.starts_with("//")) {
    line.erase(0, 1);
    return Line::Message;
  }
  if (line == "/exit") return Line::Exit;
  if (line == "/reset")
    conversation.reset();
  else
    tell("{}{}", line == "/help" ? "" : fmt::format("{} is no command: ", one_line(line)), kCommands);
  return Line::Nothing;
}

}  // namespace

JsonDocument to_json(const Generated& generated, std::span<const int32_t> prompt_ids) {
  return {{"prompt_ids", std::vector<int32_t>(prompt_ids.begin(), prompt_ids.end())},
          {"ids", generated.ids},
          {"text", generated.text},
          {"stop", name(generated.stop)},
          {"first_token_seconds", generated.first_token_seconds},
          {"prefill_tokens_per_second", generated.prefill_tokens_per_second()},
          {"decode_tokens_per_second", generated.decode_tokens_per_second()}};
}

std::string timing_line(const Generated& g) {
  std::string line = "prompt " + counted(g.prompt_tokens, "token");
  if (g.prefill_seconds > 0) line += fmt::format(" at {:.1f}/s", g.prefill_tokens_per_second());
  if (g.first_token_seconds > 0) line += fmt::format(", first token after {:.3f} s", g.first_token_seconds);
  if (!g.ids.empty()) line += ", " + counted(std::ssize(g.ids), "token");
  if (g.decode_tokens_per_second() > 0) line += fmt::format(" at {:.1f}/s", g.decode_tokens_per_second());
  return line + fmt::format(", stopped: {}", name(g.stop));
}

void talk(Conversation& conversation, const Session& session, const GenerateOptions& options, InterruptFlag& interrupt,
          JsonDocument* document) {
  JsonDocument turns = JsonDocument::array();
  const bool person = stdin_is_terminal();
  if (person) write_stderr(kCommands);
  for (std::string line;;) {
    if (person) write_stderr("> ");
    if (!std::getline(std::cin, line)) break;
    const Line kind = read_line(line, conversation);
    if (kind == Line::Exit) break;
    if (kind == Line::Nothing) continue;
    tell_bytes_that_are_no_utf8("message", line);
    try {
      const Reply reply = conversation.reply(line, options);
      if (!document && !reply.generated.text.empty()) write_now("\n");
      if (reply.dropped_turns > 0)
        tell("note: the context is full, {} forgotten\n",
             reply.dropped_turns == 1 ? "the oldest turn is"
                                      : fmt::format("the {} oldest turns are", reply.dropped_turns));
      if (reply.generated.stop == StopReason::ContextFull)
        tell("note: the context is full, the answer ends here; {}\n",
             context_hint(session.context(), session.model().config.context));
      tell("{}\n", timing_line(reply.generated));
      if (document) {
        JsonDocument& turn = turns.emplace_back(to_json(reply.generated, reply.prompt_ids));
        turn["user"] = line;
        turn["dropped_turns"] = reply.dropped_turns;
      }
    } catch (const ArgumentError& error) {  // a message too long, for one: a person goes on, a script is told
      std::string told = error.what();
      if (dynamic_cast<const ContextError*>(&error) != nullptr)
        told += ": " + context_hint(session.context(), session.model().config.context);
      if (!person && !document) throw ArgumentError(told);
      if (!person) {
        (*document)["error"] = told;
        break;
      }
      tell("error: {}\n", told);
    }
    interrupt.clear();
  }
  if (person) write_stderr("\n");
  if (document) (*document)["turns"] = std::move(turns);
}

}  // namespace slm
