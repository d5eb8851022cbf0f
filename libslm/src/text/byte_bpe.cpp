// SPDX-License-Identifier: Apache-2.0
#include "slm/text/byte_bpe.h"

#include <algorithm>
#include <bit>
#include <queue>

#include "slm/core/check.h"

namespace slm {
namespace {

/// Words up to here are merged by scanning: in 24 ids that is faster than a heap.
constexpr size_t kShortWord = 24;

uint64_t hash_pair(int32_t left, int32_t right) {
  const uint64_t key = (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
  const uint64_t h = key * 0x9E3779B97F4A7C15ULL;
  return h ^ (h >> 32);
}

}  // namespace

ByteBpe::ByteBpe(const TokenTable& table, std::vector<Merge> merges, bool ignore_merges)
    : merges_(std::move(merges)), ignore_merges_(ignore_merges) {
  for (size_t b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(static_cast<uint8_t>(b));
    byte_ids_[b] = table.find({&byte, 1});
  }
  slots_.assign(std::bit_ceil(merges_.size() + merges_.size() / 2 + 2), kNoMerge);
  const size_t mask = slots_.size() - 1;
  for (uint32_t r = 0; r < merges_.size(); ++r) {
    const Merge& merge = merges_[r];
    size_t i = hash_pair(merge.left, merge.right) & mask;
    while (slots_[i] != kNoMerge && (merges_[slots_[i]].left != merge.left || merges_[slots_[i]].right != merge.right))
      i = (i + 1) & mask;
    slots_[i] = r;
  }
}

uint32_t ByteBpe::rank(int32_t left, int32_t right) const {
  if (slots_.empty()) return kNoMerge;
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash_pair(left, right) & mask; slots_[i] != kNoMerge; i = (i + 1) & mask) {
    const Merge& merge = merges_[slots_[i]];
    if (merge.left == left && merge.right == right) return slots_[i];
  }
  return kNoMerge;
}

void ByteBpe::encode(const TokenTable& table, std::string_view word, std::vector<int32_t>& ids) const {
  if (ignore_merges_) {
    const int32_t id = table.find(word);
    if (id != TokenTable::kNone) {
      ids.push_back(id);
      return;
    }
  }
  word.size() <= kShortWord ? encode_by_definition(word, ids) : encode_by_heap(word, ids);
}

void ByteBpe::encode_by_definition(std::string_view word, std::vector<int32_t>& ids) const {
  const size_t first = ids.size();
  for (const char byte : word) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(byte)];
    if (id != TokenTable::kNone) ids.push_back(id);
  }
  std::array<uint32_t, kShortWord> buffer;
  std::vector<uint32_t> storage;
  uint32_t* ranks = buffer.data();  // of the pair (i, i+1), i counted from `first`
  if (word.size() > kShortWord) {
    storage.resize(word.size());
    ranks = storage.data();
  }
  size_t n = ids.size() - first;
  for (size_t i = 0; i + 1 < n; ++i) ranks[i] = rank(ids[first + i], ids[first + i + 1]);
  while (n > 1) {
    const size_t best = static_cast<size_t>(std::min_element(ranks, ranks + n - 1) - ranks);
    if (ranks[best] == kNoMerge) break;
    ids[first + best] = merges_[ranks[best]].merged;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(first + best + 1));
    std::copy(ranks + best + 1, ranks + n - 1, ranks + best);
    --n;
    if (best > 0) ranks[best - 1] = rank(ids[first + best - 1], ids[first + best]);
    if (best + 1 < n) ranks[best] = rank(ids[first + best], ids[first + best + 1]);
  }
}

void ByteBpe::encode_by_heap(std::string_view word, std::vector<int32_t>& ids) const {
  SLM_CHECK(word.size() < UINT32_MAX, "[bpe] word of {} bytes, expected below 4 GiB", word.size());
  constexpr uint32_t kEnd = UINT32_MAX;
  struct Symbol {
    int32_t id;  ///< kNone: merged into the one before it
    uint32_t previous, next;
  };
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (const char byte : word) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(byte)];
    const auto i = static_cast<uint32_t>(symbols.size());
    if (id != TokenTable::kNone) symbols.push_back({.id = id, .previous = i == 0 ? kEnd : i - 1, .next = i + 1});
  }
  if (symbols.empty()) return;
  symbols.back().next = kEnd;

  // A candidate is rank, then position, in one number. It is stale if the pair at its position has another rank now.
  std::priority_queue<uint64_t, std::vector<uint64_t>, std::greater<>> candidates;
  const auto offer = [&](uint32_t i) {
    const uint32_t r = rank(symbols[i].id, symbols[symbols[i].next].id);
    if (r != kNoMerge) candidates.push((static_cast<uint64_t>(r) << 32) | i);
  };
  for (uint32_t i = 0; i + 1 < symbols.size(); ++i) offer(i);
  while (!candidates.empty()) {
    const auto r = static_cast<uint32_t>(candidates.top() >> 32);
    const auto i = static_cast<uint32_t>(candidates.top());
    candidates.pop();
    Symbol& left = symbols[i];
    if (left.id == TokenTable::kNone || left.next == kEnd || rank(left.id, symbols[left.next].id) != r) continue;
    Symbol& right = symbols[left.next];
    left.id = merges_[r].merged;
    left.next = right.next;
    right.id = TokenTable::kNone;
    if (left.next != kEnd) {
      symbols[left.next].previous = i;
      offer(i);
    }
    if (left.previous != kEnd) offer(left.previous);
  }
  for (uint32_t i = 0; i != kEnd; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace slm
