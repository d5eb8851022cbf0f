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

int64_t shared_vocabulary(const Tokenizer& reader, const Tokenizer& other) {
  int32_t count = std::min(reader.vocab_size(), other.vocab_size());
  while (count > 0 && fills(reader, count - 1) && fills(other, count - 1)) --count;
  for (int32_t id = 0; id < count; ++id)
    SLM_CHECK(reader.piece(id) == other.piece(id),
              "[vocabulary] token {} is \"{}\" to one model, \"{}\" to the other: expected one vocabulary", id,
              reader.piece(id), other.piece(id));
  for (int32_t id = count; id < reader.vocab_size(); ++id)
    SLM_CHECK(fills(reader, id),
              "[vocabulary] token {} is \"{}\" to one model, the other ends before: expected one vocabulary", id,
              reader.piece(id));
  return count;
}

}  // namespace slm
