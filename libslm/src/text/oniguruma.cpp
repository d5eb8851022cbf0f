// SPDX-License-Identifier: Apache-2.0
#include "text/oniguruma.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "io/quote_text.h"
#include "slm/core/check.h"
#include "slm/text/utf8.h"

namespace slm {
namespace {

constexpr size_t kLongestPattern = 4096;
constexpr int kLargestCount = 1000;
constexpr int kMaxDepth = 50;
constexpr char kCallout = '\1';  ///< stands for "(?C)" until the end; no literal is written so

constexpr std::array<std::string_view, 33> kCategories = {
    "L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P",  "Pc", "Pd",
    "Ps", "Pe", "Pi", "Pf", "Po", "S",  "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "Cc", "Cf"};
constexpr std::array<std::string_view, 16> kScripts = {
    "Han",    "Hiragana", "Katakana",   "Hangul",  "Latin", "Greek",    "Cyrillic", "Arabic",
    "Hebrew", "Thai",     "Devanagari", "Bengali", "Tamil", "Georgian", "Armenian", "Ethiopic"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_one_of(std::string_view all, char32_t c) {
  return c < 0x80 && all.find(static_cast<char>(c)) != std::string_view::npos;
}

/// One character that means itself, for PCRE2.
std::string literal(char32_t c) {
  std::string text;
  if (c < 0x20 || c == 0x7F) return fmt::format("\\x{{{:x}}}", static_cast<uint32_t>(c));
  if (c < 0x80 && !is_letter(static_cast<char>(c)) && !is_digit(static_cast<char>(c))) text += '\\';
  append_utf8(text, c);
  return text;
}

/// Recursive descent over the pattern; each function returns what it read as PCRE2 writes it.
class Translator {
 public:
  explicit Translator(const std::string& pattern) : pattern_(pattern) {}

  std::string translate() {
    if (pattern_.size() > kLongestPattern) refuse(fmt::format("its length, more than {} bytes,", kLongestPattern));
    if (valid_utf8_prefix(pattern_) < pattern_.size()) refuse("invalid UTF-8");
    const std::string marked = alternatives({}, 0);
    if (at_ < pattern_.size()) refuse("a ) without (");
    std::string result;
    for (const char c : marked) c == kCallout ? result += "(?C)" : result += c;
    return result;
  }

 private:
  struct Options {
    bool ignore_case = false;
    bool dot_all = false;  ///< Ruby's (?m)
  };
  struct Atom {
    std::string text;
    bool group = false;       ///< else one character
    bool repeatable = true;   ///< false: looks around
    size_t body = 0;          ///< where a group's body begins in text
    std::string_view source;  ///< as the pattern writes it
  };
  struct Count {
    std::string text;  ///< as PCRE2 writes it
    bool interval = false, fixed = false, optional = false;
  };
  /// An escape that stands for one character, or for a set of them.
  struct Escape {
    std::optional<char32_t> character;
    std::string set;
  };

  [[noreturn]] void refuse(const std::string& what) const {
    throw ArgumentError(
        fmt::format("[pretokenizer] {} is not supported in an expression: {}", what, quote_text(pattern_)));
  }
  bool ended() const { return at_ == pattern_.size(); }
  bool next_is(std::string_view text) const { return std::string_view(pattern_).substr(at_).starts_with(text); }
  bool take(std::string_view text) {
    if (!next_is(text)) return false;
    at_ += text.size();
    return true;
  }
  char32_t take_character() {
    const Utf8Step step = utf8_step(std::string_view(pattern_).substr(at_));
    at_ += step.length;
    return step.code_point;
  }

  /// Up to the end or a ) that the caller takes.
  std::string alternatives(Options options, int depth) {
    std::string result;
    bool begins = true;  // an alternative of the whole expression, which is tried once at each place
    const char32_t folded_before = last_folded_;
    while (!ended() && pattern_[at_] != ')') {
      if (take("|")) {
        result += '|';
        begins = true;
        last_folded_ = folded_before;
        continue;
      }
      if (const auto changed = inline_options(options)) {  // a(?i)b|c is a(?i:b|c)
        result += scope(*changed) + alternatives(*changed, deeper(depth)) + ")";
        break;
      }
      const bool counted = (begins && depth == 0) || (!result.empty() && result.back() == kCallout);
      append(result, term(options, depth, counted));
      begins = false;
    }
    return result;
  }
  int deeper(int depth) const {
    if (depth >= kMaxDepth) refuse(fmt::format("nesting deeper than {}", kMaxDepth));
    return depth + 1;
  }
  static void append(std::string& result, std::string_view more) {  // one callout does for two
    if (!result.empty() && result.back() == kCallout && more.starts_with(kCallout)) more.remove_prefix(1);
    result += more;
  }

  /// `counted`: whoever comes here has just passed a callout, or comes once.
  std::string term(Options options, int depth, bool counted) {
    Atom atom = read_atom(options, depth);
    const size_t before_count = at_;
    const std::optional<Count> count = read_count();
    if (!count) {
      if (atom.group && !counted) atom.text.insert(atom.body, 1, kCallout);
      return atom.text;
    }
    if (!atom.repeatable) refuse("repeating " + std::string(atom.source));
    if (options.ignore_case && count->interval && is_one_of("sf", last_folded_))
      refuse(fmt::format("counting {} where case is ignored", static_cast<char>(last_folded_)));
    std::string suffix;
    if (take("?")) {
      if (count->fixed) refuse(pattern_.substr(before_count, at_ - before_count));
      suffix = "?";
    } else if (take("+")) {
      suffix = "+";
    }
    if (read_count()) refuse("repeating a repeat");
    if (atom.group) atom.text.insert(atom.body, 1, kCallout);
    std::string repeated = atom.text + count->text;
    if (!atom.group) repeated = (count->optional ? "" : std::string(1, kCallout)) + repeated;
    const bool repeats_again = count->interval && suffix == "+";
    if (!repeats_again) repeated += suffix;
    if (!atom.group) repeated += kCallout;
    return repeats_again ? "(?:" + repeated + ")+" : repeated;
  }

  Atom read_atom(Options options, int depth) {
    const size_t begin = at_;
    Atom atom;
    const char c = pattern_[at_];
    if (c == '(') {
      atom = group(options, depth);
    } else if (c == '[') {
      atom.text = character_class(options);
    } else if (c == '.') {
      ++at_;
      atom.text = options.dot_all ? "(?s:.)" : "[^\\n]";
      last_folded_ = 0;
    } else if (c == '\\') {
      const Escape escape = read_escape(options);
      atom.text = escape.character ? checked_literal(*escape.character, options) : escape.set;
      if (!escape.character) last_folded_ = 0;
    } else if (is_one_of("*+?{^$", static_cast<unsigned char>(c))) {
      refuse(fmt::format("{} here", c));
    } else {
      atom.text = checked_literal(take_character(), options);
    }
    atom.source = std::string_view(pattern_).substr(begin, at_ - begin);
    return atom;
  }

  /// Where case is ignored, Oniguruma takes "ss" for "ß" and "st" for "ﬆ": one character of a text for two of the
  /// pattern, and the other way round. ASCII letters that never stand so are the same in both engines.
  std::string checked_literal(char32_t c, Options options) {
    if (options.ignore_case) {
      if (c >= 0x80) refuse("a character beyond ASCII where case is ignored");
      const char32_t folded = static_cast<unsigned char>(lower(static_cast<char>(c)));
      if (is_one_of("sf", last_folded_) && is_one_of("stfil", folded))
        refuse(
            fmt::format("\"{}{}\" where case is ignored", static_cast<char>(last_folded_), static_cast<char>(folded)));
      last_folded_ = folded;
    }
    return literal(c);
  }

  /// "(?i)", "(?m-i)": options for the rest of the group.
  std::optional<Options> inline_options(Options options) {
    const size_t begin = at_;
    if (take("(?") && read_flags(options) && take(")")) return options;
    at_ = begin;
    return std::nullopt;
  }
  bool read_flags(Options& options) {
    const size_t begin = at_;
    bool on = true;
    for (; !ended() && is_one_of("im-", static_cast<unsigned char>(pattern_[at_])); ++at_) {
      if (pattern_[at_] == '-' && !std::exchange(on, false)) return false;
      if (pattern_[at_] == 'i') options.ignore_case = on;
      if (pattern_[at_] == 'm') options.dot_all = on;
    }
    return at_ > begin;
  }
  static std::string scope(Options options) { return options.ignore_case ? "(?i:" : "(?-i:"; }

  Atom group(Options options, int depth) {
    Atom result{.group = true};
    const size_t begin = at_;
    constexpr std::array<std::string_view, 4> kLooks = {"(?=", "(?!", "(?<=", "(?<!"};
    const auto* look = std::find_if(kLooks.begin(), kLooks.end(), [&](std::string_view open) { return next_is(open); });
    Options inside = options;
    if (look != kLooks.end()) {
      at_ += look->size();
      result.text = *look;
      result.repeatable = false;
    } else if (take("(?>")) {
      result.text = "(?>";
    } else if (take("(?:")) {
      result.text = "(?:";
    } else if (take("(?")) {
      if (!read_flags(inside) || !take(":"))
        refuse(pattern_.substr(begin, std::min<size_t>(3, pattern_.size() - begin)));
      result.text = scope(inside);
    } else {
      ++at_;
      if (next_is("*")) refuse("(*");
      result.text = "(?:";
    }
    result.body = result.text.size();
    result.text += alternatives(inside, deeper(depth)) + ")";
    if (!take(")")) refuse("a ( without )");
    return result;
  }

  /// `?`, `*`, `+` or an interval, without what follows it.
  std::optional<Count> read_count() {
    if (take("?")) return Count{.text = "?", .optional = true};
    if (take("*")) return Count{.text = "*"};
    if (take("+")) return Count{.text = "+"};
    if (!take("{")) return std::nullopt;
    const auto number = [&]() -> std::optional<int> {
      if (ended() || !is_digit(pattern_[at_])) return std::nullopt;
      int value = 0;
      for (; !ended() && is_digit(pattern_[at_]); ++at_)
        value = std::min(10 * value + (pattern_[at_] - '0'), 1'000'000);
      if (value > kLargestCount) refuse(fmt::format("a count above {}", kLargestCount));
      return value;
    };
    const std::optional<int> low = number();
    const bool comma = take(",");
    const std::optional<int> high = comma ? number() : low;
    if (!take("}") || (!low && !high)) refuse("{ that begins no interval");
    if (high && high < low) refuse("an interval that ends below its begin");
    Count count{.interval = true, .fixed = low && high == low};
    count.text = !comma ? fmt::format("{{{}}}", *low)
                 : high ? fmt::format("{{{},{}}}", low.value_or(0), *high)
                        : fmt::format("{{{},}}", *low);
    return count;
  }

  char32_t hexadecimal(size_t digits_at_least, size_t digits_at_most) {
    char32_t value = 0;
    size_t digits = 0;
    for (; !ended() && digits < digits_at_most; ++digits, ++at_) {
      const char c = lower(pattern_[at_]);
      if (!is_digit(c) && !(c >= 'a' && c <= 'f')) break;
      value = 16 * value + static_cast<char32_t>(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    if (digits < digits_at_least || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
      refuse("a hexadecimal escape that is no character");
    return value;
  }

  Escape read_escape(Options options) {
    ++at_;
    if (ended()) refuse("a backslash at the end");
    const char32_t c = take_character();
    if (c >= 0x80 || (!is_letter(static_cast<char>(c)) && !is_digit(static_cast<char>(c)))) return {.character = c};
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

  std::string property(bool negated, Options options) {
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

  std::string character_class(Options options) {
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

  Escape class_member(Options options, bool first) {
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

  const std::string& pattern_;
  size_t at_ = 0;
  char32_t last_folded_ = 0;  ///< the literal just read where case is ignored; 0: none
};

}  // namespace

std::string pcre2_of_oniguruma(const std::string& pattern) { return Translator(pattern).translate(); }

}  // namespace slm
