// SPDX-License-Identifier: Apache-2.0
#include "slm/text/token_table.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"

namespace slm {
namespace {

TEST(TokenTable, KeepsTheTwoKindsApart) {
  TokenTable table;
  EXPECT_TRUE(table.set(3, "x", false));
  EXPECT_TRUE(table.set(1, "x", true));
  EXPECT_FALSE(table.set(3, "y", false));
  table.build_index();
  EXPECT_EQ(table.find("x", false), 3);
  EXPECT_EQ(table.find("x", true), 1);
  EXPECT_EQ(table.find("y"), TokenTable::kNone);
  EXPECT_EQ(table.size(), 4);
  EXPECT_FALSE(table.has(0));
}

TEST(TokenTable, FindsEveryOneOfManyAndNothingElse) {
  TokenTable table;
  constexpr int32_t kCount = 20'000;  // two thirds of its slots full: long probes, and some around the end
  for (int32_t id = 0; id < kCount; ++id) ASSERT_TRUE(table.set(id, "t" + std::to_string(id), id % 2 == 1));
  table.build_index();
  for (int32_t id = 0; id < kCount; ++id) {
    const std::string text = "t" + std::to_string(id);
    ASSERT_EQ(table.find(text, id % 2 == 1), id);
    ASSERT_EQ(table.find(text, id % 2 == 0), TokenTable::kNone);
    ASSERT_EQ(table.bytes(id), text);
    ASSERT_EQ(table.literal(id), id % 2 == 1);
    ASSERT_EQ(table.find("u" + std::to_string(id)), TokenTable::kNone);
  }
}

TEST(TokenTable, OfEqualTokensFindsTheLargestId) {
  TokenTable table;
  for (const int32_t id : {7, 2, 5}) table.set(id, "same", false);
  table.build_index();
  EXPECT_EQ(table.find("same"), 7);
  EXPECT_EQ(table.bytes(2), "same");
}

TEST(TokenTable, HoldsAnyBytesAndKnowsItsGaps) {
  TokenTable table;
  EXPECT_EQ(table.find("x"), TokenTable::kNone) << "no index yet";
  EXPECT_EQ(table.size(), 0);
  const std::string odd("\0\xFF\0", 3);
  table.set(4, odd, false);
  table.set(6, "", false);
  table.build_index();
  EXPECT_EQ(table.find(odd), 4);
  EXPECT_EQ(table.find(std::string_view(odd).substr(0, 1)), TokenTable::kNone);
  EXPECT_EQ(table.find(""), 6);
  EXPECT_EQ(table.size(), 7);
  for (const int32_t id : {-1, 0, 5, 7}) EXPECT_FALSE(table.has(id)) << id;
  for (const int32_t id : {4, 6}) EXPECT_TRUE(table.has(id)) << id;
}

TEST(TokenTable, RefusesIdsThatAFileCannotMean) {
  TokenTable table;
  EXPECT_THROW(table.set(-1, "x", false), ArgumentError);
  EXPECT_THROW(table.set(TokenTable::kMaxTokens, "x", false), ArgumentError);
  EXPECT_EQ(table.size(), 0);
}

}  // namespace
}  // namespace slm
