// SPDX-License-Identifier: Apache-2.0
#include "text/oniguruma_characters.h"

#include <algorithm>
#include <array>

#include "io/quote_text.h"
#include "slm/core/check.h"

namespace slm {
namespace {

constexpr std::array<std::string_view, 33> kCategories = {
    "L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P",  "Pc", "Pd",
    "Ps", "Pe", "Pi", "Pf", "Po", "S",  "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "Cc", "Cf"};
constexpr std::array<std::string_view, 16> kScripts = {
    "Han",    "Hiragana", "Katakana",   "Hangul",  "Latin", "Greek",    "Cyrillic", "Arabic",
    "Hebrew", "Thai",     "Devanagari", "Bengali", "Tamil", "Georgian", "Armenian", "Ethiopic"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// One character that means itself, for PCRE2.
std::string literal(char32_t c) {
  std::string text;
  if (c < 0x20 || c == 0x7F) return fmt::format("\\x{{{:x}}}", static_cast<uint32_t>(c));
  if (c < 0x80 && !is_letter(static_cast<char>(c)) && !is_ascii_digit(static_cast<char>(c))) text += '\\';
  append_utf8(text, c);
  return text;
}

}  // namespace

void OnigurumaCharacters::refuse(const std::string& what) const {
  throw ArgumentError(
      fmt::format("[pretokenizer] {} is not supported in an expression: {}", what, quote_text(pattern_)));
}

bool OnigurumaCharacters::take(std::string_view text) {
  if (!next_is(text)) return false;
  at_ += text.size();
  return true;
}

char32_t OnigurumaCharacters::take_character() {
  const Utf8Step step = utf8_step(std::string_view(pattern_).substr(at_));
  at_ += step.length;
  return step.code_point;
}

std::string OnigurumaCharacters::checked_literal(char32_t c, Options options) {
  if (options.ignore_case) {
    if (c >= 0x80) refuse("a character beyond ASCII where case is ignored");
    const char32_t folded = static_cast<unsigned char>(lower(static_cast<char>(c)));
    if (is_one_of("sf", last_folded_) && is_one_of("stfil", folded))
      refuse(fmt::format("\"{}{}\" where case is ignored", static_cast<char>(last_folded_), static_cast<char>(folded)));
    last_folded_ = folded;
  }
  return literal(c);
}

char32_t OnigurumaCharacters::hexadecimal(size_t digits_at_least, size_t digits_at_most) {
  char32_t value = 0;
  size_t digits = 0;
  for (; !ended() && digits < digits_at_most; ++digits, ++at_) {
    const char c = lower(pattern_[at_]);
    if (!is_ascii_digit(c) && !(c >= 'a' && c <= 'f')) break;
    value = 16 * value + static_cast<char32_t>(is_ascii_digit(c) ? c - '0' : c - 'a' + 10);
  }
  if (digits < digits_at_least || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
    refuse("a hexadecimal escape that is no character");
  return value;
}

OnigurumaCharacters::Escape OnigurumaCharacters::read_escape(Options options) {
  ++at_;
  if (ended()) refuse("a backslash at the end");
  const char32_t c = take_character();
  if (c >= 0x80 || (!is_letter(static_cast<char>(c)) && !is_ascii_digit(static_cast<char>(c)))) return {.character = c};
  switch (static_cast<char>(c)) {
    case 'n':
      return {.character = '\n'};
    case 'r':
      return {.character = '\r'};
    case 't':
      return {.character = '\t'};
    case 'f':
      return {.character = '\f'};
    case 'v':
      return {.character = '\v'};
    case 'a':
      return {.character = '\a'};
    case 'e':
      return {.character = 0x1B};
    case 's':
      return {.set = "\\p{White_Space}"};  // PCRE2's \s would add U+180E
    case 'S':
      return {.set = "\\P{White_Space}"};
    case 'd':
      return {.set = "\\p{Nd}"};
    case 'D':
      return {.set = "\\P{Nd}"};
    case 'u':
      return {.character = hexadecimal(4, 4)};
    case 'x': {
      const bool braces = take("{");
      const char32_t value = braces ? hexadecimal(1, 8) : hexadecimal(2, 2);
      if (braces ? !take("}") : value >= 0x80) refuse("\\x of more than a character");  // \xE4 is a byte there
      return {.character = value};
    }
    case 'p':
    case 'P':
      return {.set = property(c == 'P', options)};
    default:
      refuse(fmt::format("\\{}", static_cast<char>(c)));
  }
}

std::string OnigurumaCharacters::property(bool negated, Options options) {
  if (options.ignore_case) refuse("\\p where case is ignored");
  if (!take("{")) refuse("\\p without {");
  if (take("^")) negated = !negated;
  const std::string_view rest = std::string_view(pattern_).substr(at_);
  const std::string_view name = rest.substr(0, rest.find('}'));
  at_ += std::min(name.size() + 1, rest.size());
  const bool category = std::find(kCategories.begin(), kCategories.end(), name) != kCategories.end();
  const bool script = std::find(kScripts.begin(), kScripts.end(), name) != kScripts.end();
  if (!category && !script) refuse(fmt::format("the property {}", name));
  return fmt::format("\\{}{{{}{}}}", negated ? 'P' : 'p', script ? "sc:" : "", name);
}

std::string OnigurumaCharacters::character_class(Options options) {
  ++at_;
  std::string result = take("^") ? "[^" : "[";
  size_t members = 0;
  char32_t last = 0;
  for (bool first = true; !next_is("]") || first; first = false) {
    if (ended()) refuse("a [ without ]");
    if (next_is("]")) refuse("] as the first of a class");
    const Escape low = class_member(options, first);
    ++members;
    if (!low.character) {
      result += low.set;
      continue;
    }
    last = *low.character;
    result += literal(*low.character);
    if (!next_is("-") || next_is("-]")) continue;
    ++at_;
    const Escape high = ended() ? Escape{} : class_member(options, false);
    if (!high.character) refuse("- that is no range");
    if (*high.character < *low.character) refuse("a range that ends below its begin");
    ++members;
    result += "-" + literal(*high.character);
  }
  ++at_;
  if (members == 1 && options.ignore_case) {
    static_cast<void>(checked_literal(last, options));
  } else {
    last_folded_ = 0;
  }
  return result + "]";
}

OnigurumaCharacters::Escape OnigurumaCharacters::class_member(Options options, bool first) {
  const char c = pattern_[at_];
  if (c == '[') refuse("[ within a class");
  if (next_is("&&")) refuse("&& within a class");
  if (c == '-' && !first && !next_is("-]")) refuse("- that is no range");
  Escape member;
  if (c == '\\') {
    member = read_escape(options);
  } else {
    member.character = take_character();
  }
  if (options.ignore_case && (!member.character || *member.character >= 0x80))
    refuse("a class of more than ASCII characters where case is ignored");
  return member;
}

}  // namespace slm
