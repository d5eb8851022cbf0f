// SPDX-License-Identifier: Apache-2.0
#include "infer/talk.h"

#include <fmt/format.h>

#include <iostream>

namespace slm {

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
  return fmt::format("prompt {} tokens at {:.1f}/s, first token after {:.3f} s, {} tokens at {:.1f}/s, stopped: {}",
                     g.prompt_tokens, g.prefill_tokens_per_second(), g.first_token_seconds, g.ids.size(),
                     g.decode_tokens_per_second(), name(g.stop));
}

JsonDocument talk(Conversation& conversation, const GenerateOptions& options, InterruptFlag& interrupt, bool json) {
  JsonDocument turns = JsonDocument::array();
  const bool person = stdin_is_terminal();
  if (person) fmt::print(stderr, "/reset forgets the talk, /exit or Ctrl-D ends it, Ctrl-C ends an answer\n");
  for (std::string line;;) {
    if (person) fmt::print(stderr, "> ");
    if (!std::getline(std::cin, line)) break;
    if (line.ends_with('\r')) line.pop_back();  // of a file whose lines end as on Windows
    if (line == "/exit") break;
    if (line == "/reset") conversation.reset();
    if (line.empty() || line == "/reset") continue;
    try {
      const Reply reply = conversation.reply(line, options);
      if (!json) write_now("\n");
      if (reply.dropped_turns > 0)
        fmt::print(stderr, "note: the context is full, the oldest {} of the turns before are forgotten\n",
                   reply.dropped_turns);
      if (reply.generated.stop == StopReason::ContextFull)
        fmt::print(stderr, "note: the context is full, the answer ends here (--ctx makes it larger)\n");
      fmt::print(stderr, "{}\n", timing_line(reply.generated));
      if (json) {
        JsonDocument turn = to_json(reply.generated, reply.prompt_ids);
        turn["user"] = line;
        turn["dropped_turns"] = reply.dropped_turns;
        turns.push_back(std::move(turn));
      }
    } catch (const ArgumentError& error) {  // a message too long, for one: a person goes on, a script is told
      if (!person) throw;
      fmt::print(stderr, "error: {}\n", error.what());
    }
    interrupt.clear();
  }
  if (person) fmt::print(stderr, "\n");
  return turns;
}

}  // namespace slm
