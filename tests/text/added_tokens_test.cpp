// SPDX-License-Identifier: Apache-2.0
#include "slm/text/added_tokens.h"

#include <gtest/gtest.h>

namespace slm {
namespace {

/// "text" as it is, tokens as their number: "a|7|b".
std::string cut(const AddedTokens& tokens, std::string_view text, bool with_control = true) {
  std::string result;
  const auto add = [&](std::string_view part) { result += (result.empty() ? "" : "|") + std::string(part); };
  tokens.split(text, with_control, add, [&](int32_t id) { add(std::to_string(id)); });
  return result;
}

TEST(AddedTokens, TakesTheLeftmostThenTheLongest) {
  const AddedTokens tokens(
      {{.text = "<a>", .id = 1}, {.text = "<a><b>", .id = 2}, {.text = "b>", .id = 3}, {.text = "", .id = 9}});
  EXPECT_EQ(cut(tokens, "x<a>y"), "x|1|y");
  EXPECT_EQ(cut(tokens, "<a><b>"), "2");
  EXPECT_EQ(cut(tokens, "<a><b"), "1|<b");
  EXPECT_EQ(cut(tokens, "<a<a>b>"), "<a|1|3");
  EXPECT_EQ(cut(tokens, ""), "");
  EXPECT_EQ(cut(AddedTokens(), "x"), "x");
}

TEST(AddedTokens, SeesControlTokensOnlyWhenAsked) {
  const AddedTokens tokens({{.text = "<|end|>", .id = 1, .control = true}, {.text = "<|", .id = 2}});
  EXPECT_EQ(cut(tokens, "a<|end|>b"), "a|1|b");
  EXPECT_EQ(cut(tokens, "a<|end|>b", false), "a|2|end|>b");
}

TEST(AddedTokens, OfTheSameTextTheLastCounts) {
  std::vector<AddedToken> same;
  for (int32_t id = 0; id < 40; ++id) same.push_back({.text = id % 2 == 0 ? "<a>" : "<b>", .id = id});
  EXPECT_EQ(cut(AddedTokens(same), "<a><b>"), "38|39");
  same.push_back({.text = "<a>", .id = 99, .control = true});
  EXPECT_EQ(cut(AddedTokens(same), "<a>"), "99");
  EXPECT_EQ(cut(AddedTokens(same), "<a>", false), "38");
}

TEST(AddedTokens, StripsWhiteSpaceOnTheSidesThatSaySo) {
  const AddedTokens tokens(
      {{.text = "<l>", .id = 1, .strips_left = true}, {.text = "<r>", .id = 2, .strips_right = true}});
  EXPECT_EQ(cut(tokens, "a \u3000<l> b"), "a|1| b");
  EXPECT_EQ(cut(tokens, "a <r>\n\u00A0b"), "a |2|b");
  EXPECT_EQ(cut(tokens, "  <l>"), "1");
  EXPECT_EQ(cut(tokens, "<r>  "), "2");
}

}  // namespace
}  // namespace slm
