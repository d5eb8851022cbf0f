// SPDX-License-Identifier: Apache-2.0
#include "slm/text/stream_decoder.h"

#include "slm/text/utf8.h"

namespace slm {

StreamDecoder::StreamDecoder(Tokenizer tokenizer, StreamStart start, bool skip_special)
    : tokenizer_(std::move(tokenizer)), start_(start), skip_special_(skip_special) {
  pending_.reserve(kReserved);
  text_.reserve(kReserved);
}

std::string_view StreamDecoder::push(int32_t id) {
  text_.clear();
  if (skip_special_ && tokenizer_.is_control(id)) return text_;
  const size_t begin = pending_.size();
  tokenizer_.append_token_bytes(id, pending_);
  if (at_start_ && pending_.size() > begin) {
    const bool drops = start_ == StreamStart::TextStart && tokenizer_.adds_space_prefix();
    if (drops && tokenizer_.type(id) == TokenType::Normal && pending_[begin] == ' ') pending_.erase(begin, 1);
    at_start_ = false;
  }
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const size_t valid = valid_utf8_prefix(rest);
    text_.append(rest.substr(0, valid));
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    const Utf8Step step = utf8_step(rest);
    if (step.incomplete) break;  // at most three bytes wait
    append_utf8(text_, kReplacementCharacter);
    rest.remove_prefix(step.length);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return text_;
}

std::string StreamDecoder::finish() {
  std::string text;
  if (!pending_.empty()) append_utf8(text, kReplacementCharacter);  // what waits is one maximal subpart
  pending_.clear();
  at_start_ = true;
  return text;
}

}  // namespace slm
