// SPDX-License-Identifier: Apache-2.0
// What the golden files of tests/text/golden are compared with: the script's random strings and its hash of ids.
// In: unicode14.txt, ids.  Out: strings, hashes.  Made by: golden/make_golden.py.
#pragma once

#include <cstdint>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "slm/text/utf8.h"
#include "tests/support/model_paths.h"

namespace slm::test {

inline std::filesystem::path text_golden(const std::string& file) { return source_dir() / "tests/text/golden" / file; }

inline uint64_t splitmix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

/// Σ (id + 1) · splitmix64(i + 1): order counts.
inline uint64_t hash_ids(std::span<const int32_t> ids) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < ids.size(); ++i)
    sum += (static_cast<uint64_t>(static_cast<uint32_t>(ids[i])) + 1) * splitmix64((i + 1) * 0x9E3779B97F4A7C15ULL);
  return sum;
}

/// Strings of characters that Unicode 14 assigns, with more than their share of ASCII, white space, marks and digits.
class RandomStrings {
 public:
  RandomStrings() {
    std::ifstream file(text_golden("unicode14.txt"));
    for (std::string line; std::getline(file, line);) {
      std::istringstream fields(line);
      std::string kind;
      uint32_t first = 0, last = 0;
      fields >> kind >> std::hex >> first >> last;
      if (kind == "trap") traps_.push_back(first);
      if (kind != "range") continue;
      ranges_.push_back({first, last});
      for (uint32_t c = first; c <= last; ++c) assigned_.push_back(c);
    }
  }
  const std::vector<char32_t>& assigned() const { return assigned_; }

  std::string next() {
    std::string text;
    for (uint64_t n = draw() % 24 + 1; n > 0; --n) append_utf8(text, character());
    return text;
  }

 private:
  struct Range {
    char32_t first, last;
  };
  uint64_t draw() { return splitmix64(state_ += 0x9E3779B97F4A7C15ULL); }
  char32_t character() {
    const uint64_t r = draw(), rest = r >> 2;
    switch (r & 3) {
      case 0: {
        const auto c = static_cast<char32_t>(rest % 98);
        return c < 95 ? 0x20 + c : c == 95 ? U'\n' : c == 96 ? U'\t' : U'\r';
      }
      case 1: {
        const Range range = ranges_[rest % ranges_.size()];
        return range.first + static_cast<char32_t>(draw() % (range.last - range.first + 1));
      }
      case 2:
        return assigned_[rest % assigned_.size()];
      default:
        return traps_[rest % traps_.size()];
    }
  }

  uint64_t state_ = 14;
  std::vector<Range> ranges_;
  std::vector<char32_t> assigned_, traps_;
};

}  // namespace slm::test
