// SPDX-License-Identifier: Apache-2.0
// What the value of an option may be: numbers in a range, one word of a list, any text but none. A value that is not
// is wrong usage, in words that say what was expected; --help states the same range.
// In: command-line words.  Out: CLI11 options and validators.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace slm {

/// Whole numbers from least to most.
struct WholeRange {
  int64_t least = 0;
  uint64_t most = uint64_t{1} << 40;  ///< from 2³⁰ on, help does not name it
};
/// Numbers from least, or above it, to most.
struct RealRange {
  double least = 0, most = 1;
  bool above_least = false;
};

/// "1 to 1024", "0 or more", "above 0, at most 1".
std::string describe(const WholeRange& range);
std::string describe(const RealRange& range);
/// Digits with or without a minus sign; no hexadecimal, octal or clipped numbers.
CLI::Validator number_in(const WholeRange& range);
/// As C++ writes it, finite.
CLI::Validator number_in(const RealRange& range);
CLI::Validator one_of(const std::vector<std::string>& words);
CLI::Validator not_empty();
/// Why a word is none of those expected; empty where it is one.
using WhyNot = std::function<std::string(const std::string& word)>;
/// An option for one or more words between commas, none of them empty or there twice. Its default is shown.
CLI::Option* add_list(CLI::App& app, const std::string& flag, std::vector<std::string>& values, const std::string& text,
                      const WhyNot& refuse);

/// An option for a number. Its default is shown unless `value` is a std::optional, whose text says it.
template <class T, class Range>
CLI::Option* add_number(CLI::App& app, const std::string& flag, T& value, const std::string& text, const Range& range) {
  CLI::Option* option = app.add_option(flag, value, text + "; " + describe(range))->transform(number_in(range));
  option->type_name(std::is_same_v<Range, WholeRange> ? "N" : "X");
  if constexpr (std::is_arithmetic_v<T>) option->capture_default_str();
  return option;
}

}  // namespace slm
