// SPDX-License-Identifier: Apache-2.0
#include "slm/text/byte_bpe.h"

#include <gtest/gtest.h>

#include <random>

namespace slm {
namespace {

/// Single bytes a, b, c and what merges make of them: random, but each token once.
struct RandomVocabulary {
  explicit RandomVocabulary(uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<std::string> tokens = {"a", "b", "c"};
    std::vector<Merge> merges;
    while (merges.size() < 60) {
      const auto left = static_cast<int32_t>(random() % tokens.size()),
                 right = static_cast<int32_t>(random() % tokens.size());
      const std::string merged = tokens[left] + tokens[right];
      const auto known = std::find(tokens.begin(), tokens.end(), merged);
      if (merged.size() > 12) continue;
      merges.push_back({left, right, static_cast<int32_t>(known - tokens.begin())});
      if (known == tokens.end()) tokens.push_back(merged);
    }
    for (size_t i = 0; i < tokens.size(); ++i) table.set(static_cast<int32_t>(i), tokens[i], false);
    table.build_index();
    bpe = ByteBpe(table, merges, false);
  }
  TokenTable table;
  ByteBpe bpe;
};

TEST(ByteBpe, HeapEqualsTheDefinition) {
  std::mt19937 random(1);
  for (uint32_t seed = 0; seed < 30; ++seed) {
    const RandomVocabulary vocabulary(seed);
    for (int i = 0; i < 60; ++i) {
      std::string word;
      for (size_t n = random() % 90; n > 0; --n) word += static_cast<char>('a' + random() % 3);
      std::vector<int32_t> definition, heap, chosen;
      vocabulary.bpe.encode_by_definition(word, definition);
      vocabulary.bpe.encode_by_heap(word, heap);
      vocabulary.bpe.encode(vocabulary.table, word, chosen);
      ASSERT_EQ(heap, definition) << word;
      ASSERT_EQ(chosen, definition) << word;
      std::string joined;
      for (const int32_t id : heap) joined += vocabulary.table.bytes(id);
      ASSERT_EQ(joined, word);
    }
  }
}

TEST(ByteBpe, MergesTheBestRankThenTheLeftmost) {
  TokenTable table;
  for (const auto& [id, text] : {std::pair{0, "a"}, {1, "b"}, {2, "ab"}, {3, "aa"}, {4, "bab"}})
    table.set(id, text, false);
  table.build_index();
  const auto encode = [&](std::vector<Merge> merges, std::string_view word) {
    std::vector<int32_t> ids;
    ByteBpe(table, std::move(merges), false).encode(table, word, ids);
    return ids;
  };
  EXPECT_EQ(encode({{0, 0, 3}}, "aaa"), (std::vector<int32_t>{3, 0}));
  EXPECT_EQ(encode({{0, 1, 2}, {0, 0, 3}}, "aab"), (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(encode({{0, 0, 3}, {0, 1, 2}}, "aab"), (std::vector<int32_t>{3, 1}));
  EXPECT_EQ(encode({{0, 1, 2}, {1, 2, 4}}, "bab"), (std::vector<int32_t>{4}));
  EXPECT_EQ(encode({}, "bza"), (std::vector<int32_t>{1, 0}));  // no token for z
}

TEST(ByteBpe, IgnoreMergesTakesAWholeWord) {
  TokenTable table;
  for (const auto& [id, text] : {std::pair{0, "a"}, {1, "b"}, {2, "ab"}}) table.set(id, text, false);
  table.build_index();
  std::vector<int32_t> ids;
  ByteBpe(table, {}, true).encode(table, "ab", ids);
  EXPECT_EQ(ids, (std::vector<int32_t>{2}));
}

}  // namespace
}  // namespace slm
