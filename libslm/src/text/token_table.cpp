// SPDX-License-Identifier: Apache-2.0
#include "slm/text/token_table.h"

#include <bit>

#include "slm/core/check.h"

namespace slm {
namespace {

/// FNV-1a, 64 bits; the kind is part of the key.
uint64_t hash(std::string_view bytes, bool literal) {
  uint64_t h = literal ? 0x9AE16A3B2F90404FULL : 0xCBF29CE484222325ULL;
  for (const char b : bytes) h = (h ^ static_cast<uint8_t>(b)) * 0x100000001B3ULL;
  return h ^ (h >> 29);
}

}  // namespace

bool TokenTable::has(int32_t id) const { return id >= 0 && id < size() && spans_[static_cast<size_t>(id)].set; }

bool TokenTable::set(int32_t id, std::string_view bytes, bool literal) {
  if (has(id)) return false;
  SLM_CHECK(id >= 0 && id < kMaxTokens && bytes.size() < (1u << 30) && arena_.size() + bytes.size() <= UINT32_MAX,
            "[token table] token {} of {} bytes: ids are below {}, all tokens below 4 GiB", id, bytes.size(),
            kMaxTokens);
  if (id >= size()) spans_.resize(static_cast<size_t>(id) + 1);
  Span& span = spans_[static_cast<size_t>(id)];
  span.begin = static_cast<uint32_t>(arena_.size());
  span.size = static_cast<uint32_t>(bytes.size()) & 0x3FFFFFFFu;
  span.literal = literal;
  span.set = true;
  arena_.append(bytes);
  return true;
}

void TokenTable::reserve(size_t tokens, size_t bytes) {
  spans_.reserve(tokens);
  arena_.reserve(bytes);
}

void TokenTable::build_index() {
  spans_.shrink_to_fit();
  arena_.shrink_to_fit();
  slots_.assign(std::bit_ceil(spans_.size() + spans_.size() / 2 + 2), kNone);
  const size_t mask = slots_.size() - 1;
  for (int32_t id = 0; id < size(); ++id) {
    if (!has(id)) continue;
    size_t i = hash(bytes(id), literal(id)) & mask;
    while (slots_[i] != kNone && (bytes(slots_[i]) != bytes(id) || literal(slots_[i]) != literal(id)))
      i = (i + 1) & mask;
    slots_[i] = id;
  }
}

std::string_view TokenTable::bytes(int32_t id) const {
  const Span& span = spans_[static_cast<size_t>(id)];
  return std::string_view(arena_).substr(span.begin, span.size);
}

int32_t TokenTable::find(std::string_view key, bool is_literal) const {
  if (slots_.empty()) return kNone;
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash(key, is_literal) & mask; slots_[i] != kNone; i = (i + 1) & mask) {
    if (bytes(slots_[i]) == key && literal(slots_[i]) == is_literal) return slots_[i];
  }
  return kNone;
}

}  // namespace slm
