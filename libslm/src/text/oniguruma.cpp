// SPDX-License-Identifier: Apache-2.0
#include "text/oniguruma.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "slm/core/check.h"
#include "text/oniguruma_characters.h"

namespace slm {
namespace {

constexpr size_t kLongestPattern = 4096;
constexpr int kLargestCount = 1000;
constexpr int kMaxDepth = 50;
constexpr char kCallout = '\1';  ///< stands for "(?C)" until the end; no literal is written so

/// Recursive descent over groups and counts; each function returns what it read as PCRE2 writes it.
class Translator : OnigurumaCharacters {
 public:
  explicit Translator(const std::string& pattern) : OnigurumaCharacters(pattern) {}

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
      if (ended() || !is_ascii_digit(pattern_[at_])) return std::nullopt;
      int value = 0;
      for (; !ended() && is_ascii_digit(pattern_[at_]); ++at_)
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
};

}  // namespace

std::string pcre2_of_oniguruma(const std::string& pattern) { return Translator(pattern).translate(); }

}  // namespace slm
