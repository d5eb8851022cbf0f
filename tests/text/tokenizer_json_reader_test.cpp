// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_json_reader.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"
#include "tests/support/expect_error.h"

namespace slm {
namespace {

TokenizerJson parse(std::string_view text, TokenTable& table) { return parse_tokenizer_json(text, "t.json", table); }

void refused(std::string_view text, std::initializer_list<std::string_view> named) {
  TokenTable table;
  expect_error<FormatError>([&] { parse(text, table); }, named);
}

TEST(TokenizerJsonReader, StreamsVocabularyAndMergesPastTheTree) {
  TokenTable table;
  const TokenizerJson json = parse(
      R"({"a":[1,{"vocab":{"no":1}}],"model":{"type":"BPE","vocab":{"x":1,"\u0120y":0},"merges":["x y",["a b","c"]],
          "deep":{"vocab":{"z":9},"merges":["q r"]}},"vocab":{"w":3},"n":null,"f":1.5,"i":-2,"b":true})",
      table);
  EXPECT_TRUE(json.has_vocab);
  EXPECT_EQ(table.size(), 2);
  EXPECT_EQ(table.bytes(0), " y");
  EXPECT_EQ(table.bytes(1), "x");
  ASSERT_EQ(json.merges.size(), 2u);
  EXPECT_EQ(json.merges.left(0), "x");
  EXPECT_EQ(json.merges.right(0), "y");
  EXPECT_EQ(json.merges.left(1), "a b");
  EXPECT_EQ(json.merges.right(1), "c");
  EXPECT_EQ(json.root, Json::parse(R"({"a":[1,{"vocab":{"no":1}}],"model":{"type":"BPE","deep":{"vocab":{"z":9},
                                       "merges":["q r"]}},"vocab":{"w":3},"n":null,"f":1.5,"i":-2,"b":true})"));
}

TEST(TokenizerJsonReader, SaysWhetherThereIsAVocabulary) {
  TokenTable table;
  EXPECT_FALSE(parse(R"({"model":{"merges":[]}})", table).has_vocab);
  EXPECT_FALSE(parse(R"([{"vocab":{"x":1}}])", table).has_vocab);
  EXPECT_EQ(parse("7", table).root, Json(7));
  EXPECT_EQ(table.size(), 0);
}

TEST(TokenizerJsonReader, RefusesWithTheByteOrTheName) {
  refused(R"({"model":)", {"t.json", "byte 9", "not JSON"});
  refused(R"({"model" "x"})", {"byte 11", "not JSON"});
  refused(R"({"model":{"vocab":{"x":-1}}})", {"\"x\"", "no id"});
  refused(R"({"model":{"vocab":{"x":1.5}}})", {"\"x\"", "no id"});
  refused(R"({"model":{"vocab":{"x":4194304}}})", {"4194304", "below 4194304"});
  refused(R"({"model":{"vocab":{"x":1,"y":1}}})", {"id 1 of \"y\"", "another token"});
  refused(R"({"model":{"merges":["x"]}})", {"\"x\"", "two tokens"});
  refused(R"({"model":{"merges":["x y z"]}})", {"\"x y z\"", "two tokens"});
  refused(R"({"model":{"merges":[["x"]]}})", {"merge 0 has 1 parts"});
  refused(R"({"model":{"merges":["a b",["x","y","z"]]}})", {"has 3 parts"});
  refused(R"({"model":{"merges":[7]}})", {"no string and no pair"});
  refused(R"({"model":{"merges":[[["x"]]]}})", {"no string and no pair"});
  refused(std::string(101, '[') + std::string(101, ']'), {"deeper than 100"});
  TokenTable table;
  EXPECT_NO_THROW(parse(std::string(100, '[') + std::string(100, ']'), table));
}

}  // namespace
}  // namespace slm
