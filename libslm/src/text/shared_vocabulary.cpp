// SPDX-License-Identifier: Apache-2.0
#include "slm/text/shared_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

#include "slm/core/check.h"

namespace slm {
namespace {

/// Whether the id only fills the rows of a padded embedding: no token has it, or one that converters made up.
bool fills(const Tokenizer& tokenizer, int32_t id) {
  return tokenizer.type(id) == TokenType::Unused || tokenizer.piece(id) == fmt::format("[PAD{}]", id);
}

}  // namespace

int64_t shared_vocabulary(const Tokenizer& one, const Tokenizer& other) {
  int32_t count = std::min(one.vocab_size(), other.vocab_size());
  while (count > 0 && fills(one, count - 1) && fills(other, count - 1)) --count;
  for (int32_t id = 0; id < count; ++id)
    SLM_CHECK(one.piece(id) == other.piece(id),
              "[vocabulary] token {} is \"{}\" to one model, \"{}\" to the other: expected one vocabulary", id,
              one.piece(id), other.piece(id));
  return count;
}

}  // namespace slm
