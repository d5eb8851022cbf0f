// SPDX-License-Identifier: Apache-2.0
// What an expression of Oniguruma says of characters — literals, escapes, properties, classes — as PCRE2 writes it.
// Next: oniguruma.cpp, which reads groups and counts around them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "slm/text/utf8.h"

namespace slm {

inline bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
/// Whether `c` is one of the ASCII characters `all`.
inline bool is_one_of(std::string_view all, char32_t c) {
  return c < 0x80 && all.find(static_cast<char>(c)) != std::string_view::npos;
}

/// Reads characters of `pattern`, which must outlive it; throws ArgumentError that names what it refuses.
class OnigurumaCharacters {
 protected:
  struct Options {
    bool ignore_case = false;
    bool dot_all = false;  ///< Ruby's (?m)
  };
  /// An escape that stands for one character, or for a set of them.
  struct Escape {
    std::optional<char32_t> character;
    std::string set;
  };

  explicit OnigurumaCharacters(const std::string& pattern) : pattern_(pattern) {}

  [[noreturn]] void refuse(const std::string& what) const;
  bool ended() const { return at_ == pattern_.size(); }
  bool next_is(std::string_view text) const { return std::string_view(pattern_).substr(at_).starts_with(text); }
  bool take(std::string_view text);
  char32_t take_character();

  /// Where case is ignored, Oniguruma takes "ss" for "ß" and "st" for "ﬆ": one character of a text for two of the
  /// pattern, and the other way round. ASCII letters that never stand so are the same in both engines.
  std::string checked_literal(char32_t c, Options options);
  Escape read_escape(Options options);
  std::string character_class(Options options);

  const std::string& pattern_;
  size_t at_ = 0;
  char32_t last_folded_ = 0;  ///< the literal just read where case is ignored; 0: none

 private:
  char32_t hexadecimal(size_t digits_at_least, size_t digits_at_most);
  std::string property(bool negated, Options options);
  Escape class_member(Options options, bool first);
};

}  // namespace slm
