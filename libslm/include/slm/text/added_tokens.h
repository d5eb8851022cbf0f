// SPDX-License-Identifier: Apache-2.0
// AddedTokens: finds whole tokens such as <|im_start|> in a text before anything else cuts it: leftmost, then longest.
// In: text.  Out: stretches of text and tokens, in order.  Next: tokenizer.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

struct AddedToken {
  std::string text;
  int32_t id = 0;
  bool control = false;       ///< found only where asked
  bool strips_left = false;   ///< takes the white space before it
  bool strips_right = false;  ///< takes the white space after it
};

class AddedTokens {
 public:
  AddedTokens() = default;
  /// A token without text is left out; of tokens with the same text the last one counts.
  explicit AddedTokens(std::vector<AddedToken> tokens);
  bool empty() const { return tokens_.empty(); }
  /// Calls text(stretch) for what lies between tokens (never empty) and token(id). Cost: O(n · longest token).
  void split(std::string_view text, bool with_control, const std::function<void(std::string_view)>& stretch,
             const std::function<void(int32_t)>& token) const;

 private:
  const AddedToken* longest_match(std::string_view text, bool with_control) const;
  std::vector<AddedToken> tokens_;                  ///< sorted by text
  std::vector<bool> begins_, begins_uncontrolled_;  ///< by first byte: any token; any that is not control
};

}  // namespace slm
