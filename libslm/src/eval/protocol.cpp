// SPDX-License-Identifier: Apache-2.0
#include "slm/eval/protocol.h"

#include <algorithm>
#include <array>

#include "slm/core/check.h"

namespace slm {
namespace {

constexpr std::array kProtocols = {Protocol::Gptq2048, Protocol::LlamaCpp512, Protocol::Rolling};

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r\f\v") == std::string_view::npos; }

/// Windows side by side, the targets from `first` on counted.
std::vector<EvalWindow> side_by_side(int64_t tokens, int64_t window, int64_t first) {
  std::vector<EvalWindow> windows;
  for (int64_t begin = 0; begin + window <= tokens; begin += window)
    windows.push_back({begin, begin + first, begin + window});
  return windows;
}

std::vector<EvalWindow> rolling(int64_t tokens, int64_t window, int64_t stride) {
  SLM_CHECK(window >= 2 && stride >= 1 && stride < window,
            "[perplexity] window {} and stride {}, expected window ≥ 2 and 1 ≤ stride < window", window, stride);
  std::vector<EvalWindow> windows;
  int64_t counted = 1;  // nothing predicts the first token
  for (int64_t begin = 0; counted < tokens; begin += stride) {
    const int64_t end = std::min(begin + window, tokens);
    windows.push_back({begin, counted, end});
    counted = end;
  }
  return windows;
}

}  // namespace

std::string_view name(Protocol protocol) {
  switch (protocol) {
    case Protocol::Gptq2048:
      return "gptq2048";
    case Protocol::LlamaCpp512:
      return "llamacpp512";
    case Protocol::Rolling:
      return "rolling";
  }
  return "?";
}

Protocol parse_protocol(std::string_view word) {
  std::string known;
  for (const Protocol protocol : kProtocols) {
    if (name(protocol) == word) return protocol;
    known += " " + std::string(name(protocol));
  }
  throw ArgumentError(fmt::format("[protocol] \"{}\" is unknown, expected one of:{}", word, known));
}

int64_t EvalText::counted_tokens() const {
  int64_t total = 0;
  for (const EvalWindow& window : windows) total += window.end - window.first_counted;
  return total;
}

std::vector<EvalWindow> eval_windows(const ProtocolOptions& options, int64_t tokens) {
  std::vector<EvalWindow> windows;
  int64_t needed = 2;
  switch (options.protocol) {
    case Protocol::Gptq2048:
      windows = side_by_side(tokens, needed = 2048, 1);
      break;
    case Protocol::LlamaCpp512:  // logits at 256 … 510, so that each has at least half a window before it
      windows = side_by_side(tokens, needed = 512, 257);
      break;
    case Protocol::Rolling:
      windows = rolling(tokens, options.window, options.stride);
      break;
  }
  SLM_CHECK(!windows.empty(), "[perplexity] the text has {} tokens, {} needs at least {}", tokens,
            name(options.protocol), needed);
  return windows;
}

std::string protocol_text(Protocol protocol, std::string_view file_text) {
  if (protocol != Protocol::Gptq2048) return std::string(file_text);
  std::string text;
  text.reserve(file_text.size() + file_text.size() / 16);
  for (bool first = true; !file_text.empty(); first = false) {
    const size_t line_end = std::min(file_text.find('\n'), file_text.size() - 1) + 1;
    const std::string_view line = file_text.substr(0, line_end);
    file_text.remove_prefix(line_end);
    if (!first) text += "\n\n";
    if (!is_blank(line.substr(0, line.find('\n')))) text += line;
  }
  return text;
}

EvalText make_eval_text(const Tokenizer& tokenizer, std::string_view file_text, const ProtocolOptions& options) {
  EvalText text;
  text.protocol = name(options.protocol);
  if (options.protocol == Protocol::Rolling) text.protocol += fmt::format(" W={} S={}", options.window, options.stride);
  text.ids = tokenizer.encode(protocol_text(options.protocol, file_text), {.add_bos = tokenizer.add_bos()});
  if (options.protocol == Protocol::LlamaCpp512 && tokenizer.add_bos()) text.bos = tokenizer.bos_id();
  text.windows = eval_windows(options, std::ssize(text.ids));
  return text;
}

}  // namespace slm
