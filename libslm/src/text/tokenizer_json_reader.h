// SPDX-License-Identifier: Apache-2.0
// The text of a tokenizer.json, split: the vocabulary and the merges stream past (they are 99 % of the file), the rest
// is a small tree. In: its bytes.  Out: a filled TokenTable, TokenizerJson.  Next: tokenizer_json.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "slm/io/json.h"
#include "slm/text/token_table.h"

namespace slm {

/// The two sides of each merge, in one string.
class MergeList {
 public:
  size_t size() const { return ends_.size() / 2; }
  std::string_view left(size_t i) const { return part(2 * i); }
  std::string_view right(size_t i) const { return part(2 * i + 1); }
  /// A left side, then its right side, then the next left side …
  void add_part(std::string_view part) {
    text_ += part;
    ends_.push_back(text_.size());
  }

 private:
  std::string_view part(size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(text_).substr(begin, ends_[i] - begin);
  }
  std::string text_;
  std::vector<size_t> ends_;
};

struct TokenizerJson {
  Json root;  ///< without model.vocab and model.merges
  bool has_vocab = false;
  MergeList merges;
};

/// Sets the tokens of model.vocab in `table`. `path` is for messages. Throws FormatError: no JSON, nested deeper than
/// 100, an id that is out of range or given twice, a merge that is no pair.
TokenizerJson parse_tokenizer_json(std::string_view text, const std::string& path, TokenTable& table);

}  // namespace slm
