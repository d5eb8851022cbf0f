// SPDX-License-Identifier: Apache-2.0
// ByteBpe: merges the bytes of a word into tokens, best-ranked pair first, the leftmost of equal ones (Sennrich et al.
// 2016, arXiv:1508.07909, over bytes as in GPT-2). In: a word, a TokenTable.  Out: ids.  Next: tokenizer.h.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "slm/text/token_table.h"

namespace slm {

struct Merge {
  int32_t left, right, merged;
};

class ByteBpe {
 public:
  ByteBpe() = default;
  /// Merges best first; `table` gives the id of each byte. Of equal pairs the last one counts.
  ByteBpe(const TokenTable& table, std::vector<Merge> merges, bool ignore_merges);

  /// Appends the ids of one word. A byte without a token is left out, as the official tokenizer does.
  /// Cost: O(n log n), n the bytes of the word.
  void encode(const TokenTable& table, std::string_view word, std::vector<int32_t>& ids) const;
  /// The definition, step by step: O(n²). What encode uses for short words and is tested against.
  void encode_by_definition(std::string_view word, std::vector<int32_t>& ids) const;
  /// Linked list and heap: O(n log n).
  void encode_by_heap(std::string_view word, std::vector<int32_t>& ids) const;

  const std::vector<Merge>& merges() const { return merges_; }
  bool ignore_merges() const { return ignore_merges_; }

 private:
  static constexpr uint32_t kNoMerge = UINT32_MAX;
  uint32_t rank(int32_t left, int32_t right) const;

  std::array<int32_t, 256> byte_ids_{};
  std::vector<Merge> merges_;    ///< by rank
  std::vector<uint32_t> slots_;  ///< pair → rank: open addressing; kNoMerge: free
  bool ignore_merges_ = false;
};

}  // namespace slm
