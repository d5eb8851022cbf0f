// SPDX-License-Identifier: Apache-2.0
// Names that come from a file, in messages: printable ASCII, short, whatever the file holds.
#pragma once

#include <string>
#include <string_view>

namespace slm {

inline std::string quote_text(std::string_view text) {
  constexpr size_t kLongest = 64;
  std::string result = "\"";
  for (const char c : text.substr(0, kLongest)) result += c >= 0x20 && c < 0x7f ? c : '?';
  return result + (text.size() > kLongest ? "...\"" : "\"");
}

}  // namespace slm
