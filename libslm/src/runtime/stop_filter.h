// SPDX-License-Identifier: Apache-2.0
// StopFilter: text as it comes → text that may be shown: what could be the beginning of a stop string waits.
// In: pieces of text.  Out: the same text up to the first stop string.  Next: generate.cpp.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slm {

class StopFilter {
 public:
  /// Refers to `stops`. Empty ones are none.
  explicit StopFilter(const std::vector<std::string>& stops) : stops_(stops) {}

  /// Text that may be shown after `more`; stopped() once a stop string is complete.
  std::string push(std::string_view more) {
    held_ += more;
    size_t cut = std::string::npos;
    for (const std::string& stop : stops_) cut = std::min(cut, stop.empty() ? std::string::npos : held_.find(stop));
    if (cut != std::string::npos) {
      stopped_ = true;
      return std::exchange(held_, {}).substr(0, cut);
    }
    const size_t keep = longest_beginning();
    std::string shown = held_.substr(0, held_.size() - keep);
    held_.erase(0, shown.size());
    return shown;
  }
  std::string finish() { return std::exchange(held_, {}); }
  bool stopped() const { return stopped_; }

 private:
  /// Length of the longest end of held_ that begins a stop string.
  size_t longest_beginning() const {
    size_t keep = 0;
    for (const std::string& stop : stops_)
      for (size_t n = std::min(stop.size(), held_.size()); n > keep; --n)
        if (std::string_view(held_).substr(held_.size() - n) == std::string_view(stop).substr(0, n)) keep = n;
    return keep;
  }

  const std::vector<std::string>& stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace slm
