// SPDX-License-Identifier: Apache-2.0
#include "slm/data/packer.h"

#include <algorithm>

#include "slm/core/check.h"

namespace slm {

std::vector<PackedSequence> pack_documents(std::span<const Document> documents, int64_t tokens) {
  SLM_CHECK(tokens >= 2, "[data] sequences of {} tokens, expected at least 2", tokens);
  int64_t total = 0;
  for (const Document& document : documents) total += std::ssize(document.ids);
  SLM_CHECK(total >= tokens, "[data] the text has {} tokens, a sequence {}: expected at least one sequence of text",
            total, tokens);
  std::vector<PackedSequence> sequences(1);
  const auto close = [&] {
    const bool has_label =
        std::ranges::any_of(sequences.back(), [](const PackedRow& r) { return r.label != kNoLabel; });
    if (has_label)
      sequences.emplace_back();
    else
      sequences.back().clear();
  };
  for (const Document& document : documents) {
    const int64_t size = std::ssize(document.ids);
    if (size <= tokens && size > tokens - std::ssize(sequences.back())) close();
    for (int64_t begin = 0; begin < size;) {
      if (std::ssize(sequences.back()) == tokens) close();
      const int64_t end = std::min(size, begin + tokens - std::ssize(sequences.back()));
      for (int64_t i = begin; i < end; ++i) {
        const auto next = static_cast<size_t>(i + 1);
        const bool learned = i + 1 < size && document.is_target[next] != 0;
        sequences.back().push_back({.token = document.ids[static_cast<size_t>(i)],
                                    .position = static_cast<int32_t>(i - begin),
                                    .label = learned ? document.ids[next] : kNoLabel});
      }
      begin = end;
    }
  }
  close();
  sequences.pop_back();
  return sequences;
}

}  // namespace slm
