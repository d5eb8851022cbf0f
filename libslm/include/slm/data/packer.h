// SPDX-License-Identifier: Apache-2.0
// Packing: documents → sequences of at most T tokens. A document that fits into one sequence is not cut; a longer one
// is cut into pieces, each of which begins anew, at position 0. The label of a token is the next one of its document,
// also where a cut lies between them.
// In: documents.  Out: sequences of rows.  Next: batcher.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "slm/data/document.h"

namespace slm {

inline constexpr int32_t kNoLabel = -1;

struct PackedRow {
  int32_t token = 0;
  int32_t position = 0;  ///< in its piece; rows of a piece see each other only
  int32_t label = kNoLabel;
  bool operator==(const PackedRow&) const = default;
};
using PackedSequence = std::vector<PackedRow>;

/// Sequences in the documents' order; those without a single label are left out. Throws ArgumentError where tokens < 2,
/// or where all documents together are shorter than one sequence.
std::vector<PackedSequence> pack_documents(std::span<const Document> documents, int64_t tokens);

}  // namespace slm
