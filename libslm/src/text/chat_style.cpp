// SPDX-License-Identifier: Apache-2.0
// Recognises the format of a chat template by the marks in its Jinja text. In: the text.  Out: ChatStyle.
// Next: chat_template.cpp, which writes conversations in it.
#include "slm/core/check.h"
#include "slm/text/chat_template.h"

namespace slm {
namespace {

constexpr std::string_view kLlama31Preamble = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// The text of a Jinja string literal, as far as templates use escapes.
std::string unescape(std::string_view literal) {
  std::string text;
  for (size_t i = 0; i < literal.size(); ++i) {
    if (literal[i] == '\\' && i + 1 < literal.size()) {
      ++i;
      text += literal[i] == 'n' ? '\n' : literal[i] == 't' ? '\t' : literal[i];
    } else {
      text += literal[i];
    }
  }
  return text;
}

/// The system prompt a ChatML template carries: what stands between "<|im_start|>system\n"
/// and "<|im_end|>" in one literal.
std::string default_system_prompt(std::string_view jinja) {
  constexpr std::string_view kOpen = "<|im_start|>system", kClose = "<|im_end|>";
  for (size_t at = jinja.find(kOpen); at != std::string_view::npos; at = jinja.find(kOpen, at + 1)) {
    const char quote = at > 0 && (jinja[at - 1] == '\'' || jinja[at - 1] == '"') ? jinja[at - 1] : '{';
    std::string_view rest = jinja.substr(at + kOpen.size());
    if (rest.starts_with("\\n")) {
      rest.remove_prefix(2);
    } else if (rest.starts_with("\n")) {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    const std::string_view literal = rest.substr(0, rest.find(kClose));
    if (literal.empty() || literal.size() == rest.size()) continue;
    bool ends_before = false;
    for (size_t i = 0; i < literal.size(); ++i) {
      if (literal[i] == '\\') {
        ++i;
      } else if (literal[i] == quote) {
        ends_before = true;
      }
    }
    if (!ends_before) return unescape(literal);
  }
  return {};
}

}  // namespace

std::string_view name(ChatFormat format) {
  switch (format) {
    case ChatFormat::ChatMl:
      return "ChatML";
    case ChatFormat::Llama2:
      return "Llama 2";
    case ChatFormat::Llama3:
      return "Llama 3";
    case ChatFormat::Zephyr:
      return "Zephyr";
    case ChatFormat::Gemma:
      return "Gemma";
  }
  return "unknown";
}

ChatStyle recognise_chat_template(std::string_view jinja) {
  const auto has = [jinja](std::string_view part) { return contains(jinja, part); };
  const bool trims = has("| trim") || has("|trim") || has(".strip()");
  const bool bos = has("bos_token");
  if (has("<|im_start|>") && has("<|im_end|>") && !has("<|im_sep|>") && !has("<think>"))
    return {.format = ChatFormat::ChatMl,
            .default_system = default_system_prompt(jinja),
            .trims_content = trims,
            .writes_bos = bos};
  if (has("<|start_header_id|>") && has("<|eot_id|>"))
    return {
        .format = ChatFormat::Llama3,
        .system_preamble = has("Cutting Knowledge Date: December 2023") ? std::string(kLlama31Preamble) : std::string(),
        .trims_content = trims,
        .writes_bos = bos};
  if (has("<start_of_turn>") && has("<end_of_turn>"))
    return {.format = ChatFormat::Gemma,
            .has_system_role = !has("System role not supported"),
            .trims_content = trims,
            .writes_bos = bos};
  if (has("[INST]") && has("<<SYS>>")) return {.format = ChatFormat::Llama2, .trims_content = trims, .writes_bos = bos};
  if (has("<|user|>") && has("<|assistant|>") && has("eos_token") && !has("<|end|>") && !has("<think>"))
    return {.format = ChatFormat::Zephyr, .trims_content = trims, .writes_bos = bos};
  throw ArgumentError(fmt::format(
      "[chat] {}, expected one of ChatML, Llama 2, Llama 3, Zephyr, Gemma",
      jinja.empty() ? "the model has no chat template" : "the model's chat template is of an unknown format"));
}

}  // namespace slm
