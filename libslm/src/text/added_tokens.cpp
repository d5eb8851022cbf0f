// SPDX-License-Identifier: Apache-2.0
#include "slm/text/added_tokens.h"

#include <algorithm>

#include "slm/text/utf8.h"

namespace slm {
namespace {

size_t white_space_prefix(std::string_view text) {
  size_t n = 0;
  while (n < text.size()) {
    const Utf8Step step = utf8_step(text.substr(n));
    if (!step.valid || !is_white_space(step.code_point)) break;
    n += step.length;
  }
  return n;
}

size_t white_space_suffix(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
    const Utf8Step step = utf8_step(text.substr(begin, end - begin));
    if (!step.valid || !is_white_space(step.code_point)) break;
    end = begin;
  }
  return text.size() - end;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), begins_(256), begins_uncontrolled_(256) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.text.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.text < b.text; });
  for (const AddedToken& token : tokens_) {
    begins_[static_cast<uint8_t>(token.text[0])] = true;
    if (!token.control) begins_uncontrolled_[static_cast<uint8_t>(token.text[0])] = true;
  }
}

/// Narrows the sorted range to the tokens that share one more byte with the text; remembers the last whole one.
const AddedToken* AddedTokens::longest_match(std::string_view text, bool with_control) const {
  const AddedToken* best = nullptr;
  auto low = tokens_.begin(), high = tokens_.end();
  for (size_t depth = 0; depth < text.size() && low != high; ++depth) {
    const auto byte = static_cast<uint8_t>(text[depth]);
    const auto at = [depth](const AddedToken& token) {
      return depth < token.text.size() ? static_cast<int>(static_cast<uint8_t>(token.text[depth])) : -1;
    };
    low = std::partition_point(low, high, [&](const AddedToken& token) { return at(token) < byte; });
    high = std::partition_point(low, high, [&](const AddedToken& token) { return at(token) == byte; });
    if (low == high) break;
    // Tokens with the same text are neighbours, in the order given; the shortest of the range is first.
    for (auto token = low; token != high && token->text.size() == depth + 1; ++token) {
      if (with_control || !token->control) best = &*token;
    }
  }
  return best;
}

void AddedTokens::split(std::string_view text, bool with_control, const std::function<void(std::string_view)>& stretch,
                        const std::function<void(int32_t)>& token) const {
  const std::vector<bool>& begins = with_control ? begins_ : begins_uncontrolled_;
  size_t done = 0;
  for (size_t i = 0; i < text.size() && !tokens_.empty();) {
    const AddedToken* match =
        begins[static_cast<uint8_t>(text[i])] ? longest_match(text.substr(i), with_control) : nullptr;
    if (match == nullptr) {
      ++i;
      continue;
    }
    std::string_view before = text.substr(done, i - done);
    if (match->strips_left) before.remove_suffix(white_space_suffix(before));
    if (!before.empty()) stretch(before);
    token(match->id);
    i += match->text.size();
    if (match->strips_right) i += white_space_prefix(text.substr(i));
    done = i;
  }
  if (done < text.size()) stretch(text.substr(done));
}

}  // namespace slm
