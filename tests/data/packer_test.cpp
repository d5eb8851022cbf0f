// SPDX-License-Identifier: Apache-2.0
// Packing and batching: every token once, labels from its own document only, the same order for the same seed.
#include "slm/data/packer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "slm/core/error.h"
#include "slm/data/batcher.h"

namespace slm {
namespace {

/// A document of ids first, first + 1, …, all learned but the first.
Document counting(int32_t first, int32_t count) {
  Document document;
  for (int32_t i = 0; i < count; ++i) {
    document.ids.push_back(first + i);
    document.is_target.push_back(i > 0 ? 1 : 0);
  }
  return document;
}

TEST(Packer, CutsALongDocumentAndKeepsTheLabelAcrossTheCut) {
  const std::vector<PackedSequence> sequences = pack_documents(std::vector{counting(10, 7)}, 3);
  ASSERT_EQ(sequences.size(), 2u) << "the last token alone has no label";
  EXPECT_EQ(sequences[0], (PackedSequence{{10, 0, 11}, {11, 1, 12}, {12, 2, 13}}));
  EXPECT_EQ(sequences[1], (PackedSequence{{13, 0, 14}, {14, 1, 15}, {15, 2, 16}}));
}

TEST(Packer, DoesNotCutWhatFits) {
  const std::vector<Document> documents = {counting(10, 4), counting(20, 3), counting(30, 2), counting(40, 5)};
  const std::vector<PackedSequence> sequences = pack_documents(documents, 6);
  ASSERT_EQ(sequences.size(), 3u);
  EXPECT_EQ(sequences[0], (PackedSequence{{10, 0, 11}, {11, 1, 12}, {12, 2, 13}, {13, 3, kNoLabel}}));
  EXPECT_EQ(sequences[1],
            (PackedSequence{{20, 0, 21}, {21, 1, 22}, {22, 2, kNoLabel}, {30, 0, 31}, {31, 1, kNoLabel}}));
  EXPECT_EQ(sequences[2].size(), 5u);
}

TEST(Packer, LabelsOnlyWhatIsLearned) {
  Document document = counting(10, 5);
  document.is_target[2] = document.is_target[4] = 0;
  const std::vector<PackedSequence> sequences = pack_documents(std::vector{document}, 5);
  EXPECT_EQ(sequences[0],
            (PackedSequence{{10, 0, 11}, {11, 1, kNoLabel}, {12, 2, 13}, {13, 3, kNoLabel}, {14, 4, kNoLabel}}));
  document.is_target.assign(5, 0);
  EXPECT_TRUE(pack_documents(std::vector{document}, 5).empty()) << "nothing to learn";
}

TEST(Packer, RefusesTextShorterThanASequence) {
  EXPECT_THROW(pack_documents(std::vector{counting(0, 4), counting(0, 3)}, 8), ArgumentError);
  EXPECT_NO_THROW(pack_documents(std::vector{counting(0, 4), counting(0, 4)}, 8));
  EXPECT_THROW(pack_documents(std::vector{counting(0, 4)}, 1), ArgumentError);
}

std::vector<PackedSequence> ten() {
  std::vector<PackedSequence> sequences;
  for (int32_t i = 0; i < 10; ++i)
    sequences.push_back(PackedSequence(static_cast<size_t>(1 + i % 3), PackedRow{i, 0, i}));
  return sequences;
}

TEST(Batcher, ShowsEachSequenceOncePerEpochInADrawnOrder) {
  Batcher batcher(ten(), 4, 7);
  std::map<int32_t, int> seen;
  std::vector<int32_t> order;
  for (int i = 0; i < 5; ++i) {  // 20 sequences: two epochs, one batch across the border
    int32_t last = -1;
    for (const PackedRow& row : batcher.next()) {
      if (row.token != last) ++seen[row.token], order.push_back(row.token);
      last = row.token;
    }
  }
  EXPECT_EQ(seen.size(), 10u);
  for (const auto& [token, count] : seen) EXPECT_EQ(count, 2) << token;
  const std::vector<int32_t> first(order.begin(), order.begin() + 10), second(order.begin() + 10, order.end());
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  EXPECT_NE(first, second);
  EXPECT_EQ(batcher.longest_batch_rows(), 12);
}

TEST(Batcher, GoesOnFromAPlace) {
  Batcher whole(ten(), 3, 7), resumed(ten(), 3, 7), other(ten(), 3, 8);
  for (int i = 0; i < 5; ++i) whole.next();
  const BatcherPlace place = whole.place();
  EXPECT_EQ(place, (BatcherPlace{1, 5}));
  resumed.set_place(place);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(whole.next(), resumed.next()) << i;
  Batcher again(ten(), 3, 7);
  EXPECT_NE(again.next(), other.next()) << "another seed, another order";
  EXPECT_THROW(resumed.set_place({0, 11}), ArgumentError);
  EXPECT_THROW(Batcher({}, 1, 1), ArgumentError);
  EXPECT_THROW(Batcher(ten(), 0, 1), ArgumentError);
}

}  // namespace
}  // namespace slm
