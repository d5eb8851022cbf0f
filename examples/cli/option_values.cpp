// SPDX-License-Identifier: Apache-2.0
#include "cli/option_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "cli/terminal.h"

namespace slm {
namespace {

/// The number all of the word spells; empty where it spells none, or one that T cannot hold.
template <class T>
std::optional<T> parse_all(const std::string& word) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return {};
  return value;
}

bool holds(const WholeRange& range, const std::string& word) {
  if (const auto value = parse_all<int64_t>(word); value && *value < 0) return *value >= range.least;
  const auto value = parse_all<uint64_t>(word);
  return value && *value <= range.most && (range.least < 0 || *value >= static_cast<uint64_t>(range.least));
}

bool holds(const RealRange& range, const std::string& word) {
  const auto value = parse_all<float>(word);  // what options hold: a double could be rounded out of the range
  return value && std::isfinite(*value) && *value <= range.most &&
         (range.above_least ? *value > range.least : *value >= range.least);
}

}  // namespace

std::string describe(const WholeRange& range) {
  if (range.most >= uint64_t{1} << 30) return fmt::format("{} or more", range.least);
  return fmt::format("{} to {}", range.least, range.most);
}

std::string describe(const RealRange& range) {
  return range.above_least ? fmt::format("above {}, at most {}", range.least, range.most)
                           : fmt::format("{} to {}", range.least, range.most);
}

CLI::Validator number_in(const WholeRange& range) {
  const auto check = [range](std::string& word) {
    if (!holds(range, word))
      return fmt::format("'{}', expected a whole number from {} to {}", word, range.least, range.most);
    const size_t digits = word.starts_with('-') ? 1 : 0;  // without leading zeros: CLI11 would read octal numbers
    word.erase(digits, std::min(word.find_first_not_of('0', digits), word.size() - 1) - digits);
    return std::string();
  };
  return CLI::Validator(check, "");
}

CLI::Validator number_in(const RealRange& range) {
  const auto check = [range](std::string& word) {
    if (holds(range, word)) return std::string();
    return fmt::format("'{}', expected a number{} {}", word, range.above_least ? "" : " from", describe(range));
  };
  return CLI::Validator(check, "");
}

CLI::Validator one_of(const std::vector<std::string>& words) {
  const auto check = [words](std::string& word) {
    if (std::find(words.begin(), words.end(), word) != words.end()) return std::string();
    std::string expected;
    for (size_t i = 0; i < words.size(); ++i)
      expected += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
    return fmt::format("'{}', expected {}", word, expected);
  };
  return CLI::Validator(check, "");
}

CLI::Validator not_empty() {
  return CLI::Validator([](std::string& word) { return std::string(word.empty() ? "'' is empty" : ""); }, "");
}

CLI::Option* add_list(CLI::App& app, const std::string& flag, std::vector<std::string>& values, const std::string& text,
                      const WhyNot& refuse) {
  const auto take = [&values, flag, refuse](const std::vector<std::string>& lists) {
    values.clear();
    for (const std::string& list : lists) {
      std::istringstream words(list + ",");
      for (std::string word; std::getline(words, word, ',');) {
        std::string why = refuse(word);
        if (word.empty()) why = fmt::format("'{}' has an empty word, expected words between commas", list);
        if (std::ranges::count(values, word) > 0) why = fmt::format("'{}' is there twice, expected each once", word);
        if (!why.empty()) throw CLI::ValidationError(flag, why);
        values.push_back(word);
      }
    }
  };
  return app.add_option_function<std::vector<std::string>>(flag, take, text)
      ->default_str(fmt::format("{}", fmt::join(values, ",")));
}

}  // namespace slm
