// SPDX-License-Identifier: Apache-2.0
#include "slm/text/stream_decoder.h"

#include "slm/text/utf8.h"

namespace slm {

StreamDecoder::StreamDecoder(Tokenizer tokenizer, StreamStart start, bool skip_special)
    : tokenizer_(std::move(tokenizer)), start_(start), skip_special_(skip_special) {}

std::string StreamDecoder::push(int32_t id) {
  if (skip_special_ && tokenizer_.is_control(id)) return {};
  std::string bytes = tokenizer_.token_bytes(id);
  if (at_start_ && !bytes.empty()) {
    const bool drops = start_ == StreamStart::TextStart && tokenizer_.adds_space_prefix();
    if (drops && tokenizer_.type(id) == TokenType::Normal && bytes.front() == ' ') bytes.erase(0, 1);
    at_start_ = false;
  }
  pending_ += bytes;
  std::string text;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const size_t valid = valid_utf8_prefix(rest);
    text.append(rest.substr(0, valid));
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    const Utf8Step step = utf8_step(rest);
    if (step.incomplete) break;  // at most three bytes wait
    append_utf8(text, kReplacementCharacter);
    rest.remove_prefix(step.length);
  }
  pending_ = std::string(rest);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  if (!pending_.empty()) append_utf8(text, kReplacementCharacter);  // what waits is one maximal subpart
  pending_.clear();
  at_start_ = true;
  return text;
}

}  // namespace slm
