// SPDX-License-Identifier: Apache-2.0
// How many damaged files the tests that damage them make: SLM_MUTATIONS, a whole number above 0.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace slm::test {

/// Throws std::runtime_error for anything else ("1e5", "", "0"): a run that damages nothing proves nothing.
inline int64_t mutation_count(const char* text) {
  const std::string_view word = text;
  int64_t count = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), count);
  if (error != std::errc() || end != word.data() + word.size() || count <= 0)
    throw std::runtime_error("SLM_MUTATIONS is \"" + std::string(word) + "\", expected a whole number above 0");
  return count;
}

inline int64_t mutations_wanted(int64_t fallback) {
  const char* text = std::getenv("SLM_MUTATIONS");
  return text == nullptr ? fallback : mutation_count(text);
}

}  // namespace slm::test
