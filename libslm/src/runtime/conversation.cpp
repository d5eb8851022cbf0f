// SPDX-License-Identifier: Apache-2.0
#include "slm/runtime/conversation.h"

#include <algorithm>

#include "slm/core/check.h"

namespace slm {

Conversation::Conversation(Session& session, const Tokenizer& tokenizer, const ChatTemplate& chat,
                           std::optional<std::string> system)
    : session_(session), tokenizer_(tokenizer), chat_(chat) {
  if (system) messages_.push_back({ChatRole::System, *std::move(system)});
  session_.truncate(0);
}

void Conversation::reset() {
  const bool has_system = !messages_.empty() && messages_[0].role == ChatRole::System;
  messages_.resize(has_system ? 1 : 0);
  session_.truncate(0);
  unread_.clear();
  continues_ = false;
  turns_ = 0;
}

/// Drops the oldest turns until the rest, encoded into ids, leaves `reserve` tokens of room; the last message alone may
/// leave less.
int64_t Conversation::drop_until_it_fits(std::vector<ChatMessage>& messages, int64_t reserve,
                                         std::vector<int32_t>& ids) const {
  const ptrdiff_t oldest = messages[0].role == ChatRole::System ? 1 : 0;
  for (int64_t dropped = 0;; ++dropped) {
    ids = chat_.encode(messages);
    if (std::ssize(ids) + reserve <= session_.context()) return dropped;
    if (std::ssize(messages) - oldest <= 1) {
      if (std::ssize(ids) > session_.context())
        throw ContextError(fmt::format("[chat] the message makes a prompt of {} tokens, the context has {}", ids.size(),
                                       session_.context()));
      return dropped;
    }
    messages.erase(messages.begin() + oldest, messages.begin() + oldest + 2);
  }
}

Reply Conversation::reply(std::string_view user, GenerateOptions options) {
  SLM_CHECK(!user.empty(), "[chat] the message is empty, expected text");
  options.start = StreamStart::TextStart;
  std::vector<ChatMessage> messages = messages_;
  messages.push_back({ChatRole::User, std::string(user)});
  const int64_t quarter = std::max<int64_t>(session_.context() / 4, 1);
  const int64_t reserve = options.max_tokens < 0 ? quarter : std::clamp<int64_t>(options.max_tokens, 1, quarter);

  Reply reply;
  if (continues_) {
    reply.prompt_ids = unread_;
    const std::vector<int32_t> next = chat_.encode_next(user);
    reply.prompt_ids.insert(reply.prompt_ids.end(), next.begin(), next.end());
  }
  if (!continues_ || std::ssize(reply.prompt_ids) + reserve > session_.room()) {
    std::vector<int32_t> ids;
    reply.dropped_turns = drop_until_it_fits(messages, reserve, ids);
    // What the cache and the new beginning have in common, such as the system prompt, need not be read again.
    const std::span<const int32_t> cached = session_.ids().first(std::min(session_.ids().size(), ids.size() - 1));
    const auto same = std::mismatch(cached.begin(), cached.end(), ids.begin()).second;
    session_.truncate(same - ids.begin());
    reply.prompt_ids.assign(same, ids.end());
  }
  continues_ = false;  // should generate() throw, the next turn reads all again
  const int64_t before = session_.length();
  options.sampler.seed += turns_;
  reply.generated = generate(session_, tokenizer_, reply.prompt_ids, options);
  ++turns_;

  unread_ = reply.prompt_ids;
  unread_.insert(unread_.end(), reply.generated.ids.begin(), reply.generated.ids.end());
  unread_.erase(unread_.begin(), unread_.begin() + (session_.length() - before));
  messages.push_back({ChatRole::Assistant, reply.generated.text});
  messages_ = std::move(messages);
  continues_ = reply.generated.stop != StopReason::StopString;  // its ids also say the string, its text does not
  return reply;
}

}  // namespace slm
