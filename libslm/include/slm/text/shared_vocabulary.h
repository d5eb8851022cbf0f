// SPDX-License-Identifier: Apache-2.0
// shared_vocabulary: whether ids mean the same to two models, which comparing or distilling their logits takes for
// granted.
// In: two tokenizers.  Out: a number of ids.  Next: train/teacher.h.
#pragma once

#include <cstdint>

#include "slm/text/tokenizer.h"

namespace slm {

/// Ids that mean the same to both, counted from 0: all of the smaller vocabulary but the fillers at its end, which pad
/// an embedding and are no token (in no table, or spelled "[PAD<id>]", as converters do). Texts are tokenized by
/// `reader`, so `other` may have more tokens, but not fewer. Throws ArgumentError that names the first token that
/// differs.
int64_t shared_vocabulary(const Tokenizer& reader, const Tokenizer& other);

}  // namespace slm
