// SPDX-License-Identifier: Apache-2.0
// Expressions against the official library, whose engine is Oniguruma (golden/make_split.py): the same pieces or
// refused. What must run and what must be refused is said there, expression by expression.
#include "text/oniguruma.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"
#include "slm/io/json.h"
#include "slm/text/pretokenizer.h"
#include "tests/support/expect_error.h"
#include "tests/text/golden_support.h"

namespace slm {
namespace {

/// The lengths of the pieces, in characters.
std::vector<size_t> lengths(const Pretokenizer& pretokenizer, std::string_view text) {
  std::vector<size_t> result;
  pretokenizer.split(text, [&](std::string_view piece) {
    result.push_back(static_cast<size_t>(
        std::count_if(piece.begin(), piece.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; })));
  });
  return result;
}

void expect_official_pieces(const Pretokenizer& pretokenizer, const Json& texts, const Json& row) {
  const std::string expression = row.at(0);
  ASSERT_TRUE(row.at(1).is_array()) << expression << ": the official library refuses it, " << row.at(1);
  for (size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(lengths(pretokenizer, texts[i].get<std::string>()), row.at(1)[i].get<std::vector<size_t>>())
        << expression << " on " << texts[i] << ", as PCRE2: " << pcre2_of_oniguruma(expression);
}

Json golden() { return parse_json_file(test::text_golden("split.json")); }

TEST(Oniguruma, RunsWhatBothEnginesCanSay) {
  const Json all = golden();
  ASSERT_GT(all.at("runs").size(), 100u);
  for (const Json& row : all.at("runs"))
    expect_official_pieces(Pretokenizer({row.at(0).get<std::string>()}), all.at("texts"), row);
}

TEST(Oniguruma, RefusesWhatTheyReadDifferently) {
  const Json all = golden();
  ASSERT_GT(all.at("refused").size(), 100u);
  for (const Json& row : all.at("refused"))
    EXPECT_THROW(Pretokenizer({row.at(0).get<std::string>()}), ArgumentError) << row.at(0);
}

TEST(Oniguruma, RandomExpressionsGiveTheSamePiecesOrAreRefused) {
  const Json all = golden();
  size_t ran = 0;
  for (const Json& row : all.at("mixed")) {
    try {
      expect_official_pieces(Pretokenizer({row.at(0).get<std::string>()}), all.at("texts"), row);
      ++ran;
    } catch (const ArgumentError&) {  // when it is made, or, of an exponential one, when it runs
    }
  }
  EXPECT_GT(ran, all.at("mixed").size() / 2);
}

TEST(Oniguruma, NamesWhatItRefuses) {
  const auto refused = [](const char* pattern, const char* named) {
    expect_error<ArgumentError>([&] { Pretokenizer({pattern}); },
                                {named, "is not supported in an expression", pattern});
  };
  refused("a\\wb", "\\w");
  refused("^a", "^ here");
  refused("(?<n>a)", "(?<");
  refused("\\p{Alphabetic}", "Alphabetic");
  refused("(?i:ss)", "\"ss\" where case is ignored");
  refused("a{2}?", "{2}?");
  refused("[[:alpha:]]", "[ within a class");
}

TEST(Oniguruma, CountsTheWorkWhereAMatcherRepeatsOrChooses) {
  EXPECT_EQ(pcre2_of_oniguruma("ab"), "ab");
  EXPECT_EQ(pcre2_of_oniguruma("a|b"), "a|b");
  EXPECT_EQ(pcre2_of_oniguruma(" ?a+(?!b)"), "\\ ?(?C)a+(?C)(?!b)");
  EXPECT_EQ(pcre2_of_oniguruma("(a|b)c"), "(?:a|b)c");
  EXPECT_EQ(pcre2_of_oniguruma("c(a|b)"), "c(?:(?C)a|b)");
  EXPECT_EQ(pcre2_of_oniguruma("(a|b)*"), "(?:(?C)a|b)*");
  EXPECT_EQ(pcre2_of_oniguruma("(?>a){2,3}?"), "(?>(?C)a){2,3}?");
  EXPECT_EQ(pcre2_of_oniguruma("a{1,2}+"), "(?:(?C)a{1,2}(?C))+");
}

}  // namespace
}  // namespace slm
