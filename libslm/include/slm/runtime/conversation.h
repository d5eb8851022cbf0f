// SPDX-License-Identifier: Apache-2.0
// Conversation: chat turns on one session. Each turn adds only its own tokens to the cache. When the context is full
// the oldest turns are dropped, the system prompt stays, and what is left is read again.
// In: what the user writes. Out: replies.  Next: generate.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slm/runtime/generate.h"
#include "slm/runtime/session.h"
#include "slm/text/chat_template.h"
#include "slm/text/tokenizer.h"

namespace slm {

struct Reply {
  Generated generated;
  std::vector<int32_t> prompt_ids;  ///< what was read for it: what the turn before left unread, then this turn
  int64_t dropped_turns = 0;        ///< turns (a question and its answer) forgotten to make room for this one
};

class Conversation {
 public:
  /// Refers to all three. `system` stands before the first turn; empty: the template's own default, if it has one.
  /// Forgets what the session held.
  Conversation(Session& session, const Tokenizer& tokenizer, const ChatTemplate& chat,
               std::optional<std::string> system = std::nullopt);

  /// One turn; turn t (from 0) draws with seed options.sampler.seed + t. Room is kept for an answer of
  /// options.max_tokens, at most a quarter of the context. options.stop_ids are the caller's: chat.stop_ids(), usually.
  /// Throws ArgumentError (an empty message) or ContextError (one that does not fit into the context by itself), and
  /// the conversation is then as before.
  Reply reply(std::string_view user, GenerateOptions options);
  /// Back to the system prompt.
  void reset();
  /// The system message, if one was given, then the turns that are still remembered.
  std::span<const ChatMessage> messages() const { return messages_; }

 private:
  int64_t drop_until_it_fits(std::vector<ChatMessage>& messages, int64_t reserve, std::vector<int32_t>& ids) const;

  Session& session_;
  const Tokenizer& tokenizer_;
  const ChatTemplate& chat_;
  std::vector<ChatMessage> messages_;
  std::vector<int32_t> unread_;  // end of the last turn that the session has not read
  bool continues_ = false;       // session and unread_ are the talk so far: the next turn may be appended
  uint64_t turns_ = 0;           // since the beginning or reset()
};

}  // namespace slm
