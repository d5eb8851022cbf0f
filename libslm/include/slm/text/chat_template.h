// SPDX-License-Identifier: Apache-2.0
// ChatTemplate: a conversation as ids, exactly as `apply_chat_template(…, add_generation_prompt=True)` gives them for
// the formats known here. Recognised from the model's Jinja text; only the template's own parts become control tokens.
// In: tokenizer (and its template), messages.  Out: prompt ids, ids of the next turn, stop ids.  Next: runtime/session.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slm/text/tokenizer.h"

namespace slm {

enum class ChatFormat { ChatMl, Llama2, Llama3, Zephyr, Gemma };
std::string_view name(ChatFormat format);

enum class ChatRole { System, User, Assistant };
struct ChatMessage {
  ChatRole role = ChatRole::User;
  std::string content;
};

/// What the Jinja text of a template says, read by its marks; nothing of it is executed.
struct ChatStyle {
  ChatFormat format = ChatFormat::ChatMl;
  std::string default_system;   ///< ChatMl: system prompt the template adds by itself; empty: none
  std::string system_preamble;  ///< Llama3.1+: text before the system prompt (knowledge date), even if there is none
  bool has_system_role = true;  ///< false: a system message is an ArgumentError (Gemma 2)
  bool trims_content = false;   ///< true: white space around each content is dropped
  bool writes_bos = false;      ///< true: the conversation begins with bos
};

/// Throws ArgumentError for an empty or unknown template: lists the known formats.
ChatStyle recognise_chat_template(std::string_view jinja);

class ChatWriter;

/// With SentencePiece vocabularies each stretch between control tokens is a text of its own and gets its own dummy
/// prefix, as in Meta's code and llama.cpp; Hugging Face's converted tokenizers prefix the first stretch
/// only (or, older ones, all).
class ChatTemplate {
 public:
  /// The style of tokenizer.chat_template(). Throws ArgumentError (unknown template;
  /// its control tokens are not in the vocabulary).
  explicit ChatTemplate(Tokenizer tokenizer);
  ChatTemplate(Tokenizer tokenizer, ChatStyle style);

  const ChatStyle& style() const { return style_; }
  ChatFormat format() const { return style_.format; }

  /// Ids of the whole conversation up to where the assistant begins to write. The last message is the user's; roles
  /// alternate after an optional system message, else ArgumentError.
  std::vector<int32_t> encode(std::span<const ChatMessage> messages) const;
  /// Ids to append for the next user turn, when the cache holds encode(…) and the reply up to, not including, its stop
  /// id: the end of the reply, the user's turn, the beginning of the next reply.
  std::vector<int32_t> encode_next(std::string_view user_content) const;
  /// Ids that a model writes which replies this, behind encode(…) or encode_next(…): the text, then what ends it, up to
  /// the stop id stop_ids().front().
  std::vector<int32_t> encode_reply(std::string_view content) const;
  /// The text of encode(…), control tokens by their names: for people and for tests.
  std::string render(std::span<const ChatMessage> messages) const;

  /// Ids that end a reply: the format's end of turn first, then tokenizer.eos_ids().
  const std::vector<int32_t>& stop_ids() const { return stop_ids_; }

 private:
  friend class ChatWriter;
  struct Script;
  /// `continues`: text that the script begins with continues what was written before.
  std::vector<int32_t> encode_script(const Script& script, bool continues) const;

  Tokenizer tokenizer_;
  ChatStyle style_;
  std::vector<int32_t> stop_ids_;
};

}  // namespace slm
