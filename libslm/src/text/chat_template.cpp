// SPDX-License-Identifier: Apache-2.0
#include "slm/text/chat_template.h"

#include <algorithm>

#include "slm/core/check.h"
#include "slm/text/utf8.h"

namespace slm {

/// A conversation as stretches of plain text and control tokens. A mark is a control token where the vocabulary has it.
struct ChatTemplate::Script {
  struct Part {
    std::string text;
    std::optional<int32_t> control;
  };
  std::vector<Part> parts;

  void text(std::string_view more) {
    if (more.empty()) return;
    if (parts.empty() || parts.back().control) parts.emplace_back();
    parts.back().text += more;  // joined: words may reach from the template into the content
  }
  void control(const Tokenizer& tokenizer, int32_t id) {
    parts.push_back({.text = tokenizer.piece(id), .control = id});
  }
};

/// Writes messages in one style. What an open turn begins (`<|im_start|>assistant\n`), the next call ends.
class ChatWriter {
 public:
  ChatWriter(const Tokenizer& tokenizer, const ChatStyle& style, ChatTemplate::Script& script)
      : tokenizer_(tokenizer), style_(style), script_(script) {}

  void conversation(std::span<const ChatMessage> messages);
  void user(std::string_view content, std::string_view system, bool first);
  void begin_reply();
  void reply(std::string_view content);
  void end_reply();

 private:
  void mark(std::string_view piece) {
    const auto id = tokenizer_.find(piece);
    id&& tokenizer_.is_control(*id) ? script_.control(tokenizer_, *id) : script_.text(piece);
  }
  void special(const std::optional<int32_t>& id) {
    if (id) script_.control(tokenizer_, *id);
  }
  void bos() { special(tokenizer_.bos_id()); }
  void eos() { special(tokenizer_.eos_ids().empty() ? std::nullopt : std::optional(tokenizer_.eos_ids().front())); }
  std::string_view content(std::string_view text) const { return style_.trims_content ? strip(text) : text; }

  /// One turn of the formats that write every role alike.
  void turn(std::string_view role, std::string_view text) {
    open(role);
    script_.text(content(text));
    close();
  }
  void open(std::string_view role);
  void close();

  const Tokenizer& tokenizer_;
  const ChatStyle& style_;
  ChatTemplate::Script& script_;
};

void ChatWriter::open(std::string_view role) {
  switch (style_.format) {
    case ChatFormat::ChatMl:
      mark("<|im_start|>"), script_.text(role), script_.text("\n");
      break;
    case ChatFormat::Llama3:
      mark("<|start_header_id|>"), script_.text(role), mark("<|end_header_id|>"), script_.text("\n\n");
      break;
    case ChatFormat::Gemma:
      mark("<start_of_turn>"), script_.text(role == "assistant" ? "model" : role), script_.text("\n");
      break;
    case ChatFormat::Zephyr:
      mark(fmt::format("<|{}|>", role)), script_.text("\n");
      break;
    case ChatFormat::Llama2:
      break;
  }
}

void ChatWriter::close() {
  switch (style_.format) {
    case ChatFormat::ChatMl:
      mark("<|im_end|>"), script_.text("\n");
      break;
    case ChatFormat::Llama3:
      mark("<|eot_id|>");
      break;
    case ChatFormat::Gemma:
      mark("<end_of_turn>"), script_.text("\n");
      break;
    case ChatFormat::Zephyr:
      eos(), script_.text("\n");
      break;
    case ChatFormat::Llama2:
      script_.text(" "), eos();
      break;
  }
}

void ChatWriter::begin_reply() { open("assistant"); }
void ChatWriter::reply(std::string_view text) {
  if (style_.format == ChatFormat::Llama2) script_.text(" ");
  script_.text(content(text));
  end_reply();
}
void ChatWriter::end_reply() { close(); }

void ChatWriter::user(std::string_view text, std::string_view system, bool first) {
  if (style_.format == ChatFormat::Llama2) {  // the system prompt is part of the first question
    std::string whole =
        first && !system.empty() ? fmt::format("<<SYS>>\n{}\n<</SYS>>\n\n{}", system, text) : std::string(text);
    bos();
    script_.text("[INST] ");
    script_.text(content(whole));
    script_.text(" [/INST]");
  } else if (style_.format == ChatFormat::Gemma && first && !system.empty()) {
    open("user");
    script_.text(system);
    script_.text("\n\n");
    script_.text(content(text));
    close();
  } else {
    turn("user", text);
  }
}

void ChatWriter::conversation(std::span<const ChatMessage> messages) {
  std::string_view system = style_.default_system;
  const bool has_system = !messages.empty() && messages.front().role == ChatRole::System;
  if (has_system) {
    SLM_CHECK(style_.has_system_role, "[chat] a system message, but the model's template has no system role");
    system = messages.front().content;
    messages = messages.subspan(1);
  }
  SLM_CHECK(messages.size() % 2 == 1, "[chat] {} messages after the system prompt, expected user, assistant, …, user",
            messages.size());
  if (style_.writes_bos && style_.format != ChatFormat::Llama2) bos();
  const bool in_turn_of_its_own =
      style_.format == ChatFormat::ChatMl || style_.format == ChatFormat::Llama3 || style_.format == ChatFormat::Zephyr;
  if (in_turn_of_its_own && !style_.system_preamble.empty()) {
    open("system");
    script_.text(style_.system_preamble);
    script_.text(content(system));
    close();
  } else if (in_turn_of_its_own && (has_system || !system.empty())) {
    turn("system", system);
  }
  for (size_t i = 0; i < messages.size(); ++i) {
    const ChatRole expected = i % 2 == 0 ? ChatRole::User : ChatRole::Assistant;
    SLM_CHECK(messages[i].role == expected, "[chat] message {} has the wrong role, expected {}", i,
              expected == ChatRole::User ? "user" : "assistant");
    if (expected == ChatRole::User) {
      user(messages[i].content, system, i == 0);
    } else {
      begin_reply();
      reply(messages[i].content);
    }
  }
  begin_reply();
}

ChatTemplate::ChatTemplate(Tokenizer tokenizer)
    : ChatTemplate(tokenizer, recognise_chat_template(tokenizer.chat_template())) {}

ChatTemplate::ChatTemplate(Tokenizer tokenizer, ChatStyle style)
    : tokenizer_(std::move(tokenizer)), style_(std::move(style)) {
  const auto end_of_turn = [&](std::string_view piece) {
    const auto id = tokenizer_.find(piece);
    SLM_CHECK(id && tokenizer_.is_control(*id),
              "[chat] the {} template needs the control token {}, which the vocabulary lacks", name(style_.format),
              piece);
    stop_ids_.push_back(*id);
  };
  if (style_.format == ChatFormat::ChatMl) end_of_turn("<|im_end|>");
  if (style_.format == ChatFormat::Llama3) end_of_turn("<|eot_id|>");
  if (style_.format == ChatFormat::Gemma) end_of_turn("<end_of_turn>");
  SLM_CHECK(!style_.writes_bos || tokenizer_.bos_id(),
            "[chat] the template begins with bos, which the vocabulary lacks");
  for (const int32_t id : tokenizer_.eos_ids()) {
    if (std::find(stop_ids_.begin(), stop_ids_.end(), id) == stop_ids_.end()) stop_ids_.push_back(id);
  }
  SLM_CHECK(!stop_ids_.empty(), "[chat] the vocabulary has no token that ends a reply");
}

std::vector<int32_t> ChatTemplate::encode_script(const Script& script, bool continues) const {
  std::vector<int32_t> ids;
  for (const Script::Part& part : script.parts) {
    if (part.control) {
      ids.push_back(*part.control);
      continue;
    }
    const std::vector<int32_t> more = tokenizer_.encode(part.text, {.continues = continues && ids.empty()});
    ids.insert(ids.end(), more.begin(), more.end());
  }
  return ids;
}

std::vector<int32_t> ChatTemplate::encode(std::span<const ChatMessage> messages) const {
  Script script;
  ChatWriter(tokenizer_, style_, script).conversation(messages);
  return encode_script(script, /*continues=*/false);
}

std::vector<int32_t> ChatTemplate::encode_next(std::string_view user_content) const {
  Script script;
  ChatWriter writer(tokenizer_, style_, script);
  writer.end_reply();
  writer.user(user_content, {}, /*first=*/false);
  writer.begin_reply();
  return encode_script(script, /*continues=*/true);
}

std::vector<int32_t> ChatTemplate::encode_reply(std::string_view content) const {
  Script script;
  ChatWriter writer(tokenizer_, style_, script);
  writer.reply(content);
  std::vector<int32_t> ids = encode_script(script, /*continues=*/true);
  ids.erase(std::ranges::find(ids, stop_ids_.front()) + 1, ids.end());
  return ids;
}

std::string ChatTemplate::render(std::span<const ChatMessage> messages) const {
  Script script;
  ChatWriter(tokenizer_, style_, script).conversation(messages);
  std::string text;
  for (const Script::Part& part : script.parts) text += part.text;
  return text;
}

}  // namespace slm
