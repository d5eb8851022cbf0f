// SPDX-License-Identifier: Apache-2.0
#include "slm/text/bpe_trainer.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "slm/core/check.h"
#include "slm/text/byte_level.h"
#include "slm/text/normalizer.h"
#include "slm/text/pretokenizer.h"

namespace slm {
namespace {

using Pair = std::pair<int32_t, int32_t>;

struct Word {
  std::vector<int32_t> ids;
  int64_t count = 0;
};

/// Words of the text with their counts; each a run of byte ids.
std::vector<Word> words_of(std::string_view text, const KnownPretokenizer& known, const std::vector<int32_t>& byte_ids,
                           const Progress& progress) {
  std::map<std::string, int64_t, std::less<>> counts;
  const std::string normal = known.nfc ? nfc(text) : std::string(text);
  Pretokenizer(known.patterns).split(normal, [&](std::string_view piece) {
    report(progress, {"words"});
    const auto it = counts.find(piece);
    if (it == counts.end())
      counts.emplace(piece, 1);
    else
      ++it->second;
  });
  std::vector<Word> words;
  for (const auto& [bytes, count] : counts) {
    Word word{.ids = {}, .count = count};
    for (const char byte : bytes) word.ids.push_back(byte_ids[static_cast<unsigned char>(byte)]);
    words.push_back(std::move(word));
  }
  return words;
}

/// The pair that comes most often, the lowest of equals; {-1, -1} where none comes twice.
Pair most_frequent(const std::map<Pair, int64_t>& counts) {
  Pair best{-1, -1};
  int64_t most = 1;
  for (const auto& [pair, count] : counts)
    if (count > most) best = pair, most = count;
  return best;
}

void add_pairs(const Word& word, int64_t sign, std::map<Pair, int64_t>& counts) {
  for (size_t i = 0; i + 1 < word.ids.size(); ++i) {
    const auto it = counts.try_emplace({word.ids[i], word.ids[i + 1]}, 0).first;
    it->second += sign * word.count;
    if (it->second == 0) counts.erase(it);
  }
}

bool has_pair(const Word& word, const Pair& pair) {
  for (size_t i = 0; i + 1 < word.ids.size(); ++i)
    if (word.ids[i] == pair.first && word.ids[i + 1] == pair.second) return true;
  return false;
}

void merge_in(Word& word, const Pair& pair, int32_t merged) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < word.ids.size(); ++i) {
    const bool here = i + 1 < word.ids.size() && word.ids[i] == pair.first && word.ids[i + 1] == pair.second;
    ids.push_back(here ? merged : word.ids[i]);
    i += here ? 1 : 0;
  }
  word.ids = std::move(ids);
}

}  // namespace

TokenizerData train_byte_bpe(std::string_view text, const BpeTrainerOptions& options) {
  const KnownPretokenizer* known = find_pretokenizer(options.pre);
  SLM_CHECK(known != nullptr, "[bpe] pre-tokenizer \"{}\" is not known", options.pre);
  const auto fixed = static_cast<int32_t>(256 + options.special.size());
  SLM_CHECK(options.vocab_size >= fixed, "[bpe] a vocabulary of {}, expected at least {}: 256 bytes, {} special tokens",
            options.vocab_size, fixed, options.special.size());

  TokenizerData data{.model = "gpt2", .pre = options.pre};
  for (int byte = 0; byte < 256; ++byte)
    data.tokens.push_back(byte_level_spelling(std::string(1, static_cast<char>(byte))));
  std::vector<int32_t> order(256), byte_ids(256);
  for (int32_t i = 0; i < 256; ++i) order[static_cast<size_t>(i)] = i;
  // UTF-8 sorts as its code points do.
  std::ranges::sort(order, {}, [&](int32_t byte) { return data.tokens[static_cast<size_t>(byte)]; });
  for (int32_t id = 0; id < 256; ++id) byte_ids[static_cast<size_t>(order[static_cast<size_t>(id)])] = id;
  std::ranges::sort(data.tokens);

  std::vector<Word> words = words_of(text, *known, byte_ids, options.progress);
  std::map<Pair, int64_t> counts;
  for (const Word& word : words) add_pairs(word, 1, counts);
  const auto merges = static_cast<uint64_t>(options.vocab_size - std::ssize(data.tokens) - std::ssize(options.special));
  while (std::ssize(data.tokens) + std::ssize(options.special) < options.vocab_size) {
    report(options.progress, {"merges", data.merges.size(), merges});
    const Pair pair = most_frequent(counts);
    if (pair.first < 0) break;
    const auto merged = static_cast<int32_t>(data.tokens.size());
    const std::string &left = data.tokens[static_cast<size_t>(pair.first)],
                      &right = data.tokens[static_cast<size_t>(pair.second)];
    data.merges.push_back(left + " " + right);
    data.tokens.push_back(left + right);
    for (Word& word : words) {
      if (!has_pair(word, pair)) continue;
      add_pairs(word, -1, counts);
      merge_in(word, pair, merged);
      add_pairs(word, 1, counts);
    }
  }
  data.types.assign(data.tokens.size(), TokenType::Normal);
  for (const std::string& special : options.special) {
    data.tokens.push_back(special);
    data.types.push_back(TokenType::Control);
  }
  if (!options.special.empty()) {
    data.eos_id = static_cast<int32_t>(data.tokens.size() - options.special.size());
    data.pad_id = data.eos_id;
    data.eos_ids = {*data.eos_id};
  }
  return data;
}

}  // namespace slm
