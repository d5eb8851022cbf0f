// SPDX-License-Identifier: Apache-2.0
#include "slm/text/shared_vocabulary.h"

#include <algorithm>

#include "slm/core/check.h"

namespace slm {

int64_t shared_vocabulary(const Tokenizer& one, const Tokenizer& other) {
  const int32_t count = std::min(one.vocab_size(), other.vocab_size());
  for (int32_t id = 0; id < count; ++id)
    SLM_CHECK(one.piece(id) == other.piece(id),
              "[vocabulary] token {} is \"{}\" to one model, \"{}\" to the other: expected one vocabulary", id,
              one.piece(id), other.piece(id));
  return count;
}

}  // namespace slm
