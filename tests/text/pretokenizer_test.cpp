// SPDX-License-Identifier: Apache-2.0
#include "slm/text/pretokenizer.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"

namespace slm {
namespace {

std::vector<std::string> pieces(const Pretokenizer& pretokenizer, std::string_view text) {
  std::vector<std::string> result;
  pretokenizer.split(text, [&](std::string_view piece) { result.emplace_back(piece); });
  return result;
}

std::vector<std::string> pieces(std::string_view name, std::string_view text) {
  return pieces(Pretokenizer(find_pretokenizer(name)->patterns), text);
}

using Pieces = std::vector<std::string>;

TEST(Pretokenizer, KnownNamesCutAsTheirOfficialOnes) {
  EXPECT_EQ(pieces("qwen2", "I'M 123\n\n x"), (Pieces{"I", "'M", " ", "1", "2", "3", "\n\n", " x"}));
  EXPECT_EQ(pieces("llama-bpe", "I'm 12345"), (Pieces{"I", "'m", " ", "123", "45"}));
  EXPECT_EQ(pieces("gpt-2", "I'M 123  x"), (Pieces{"I", "'", "M", " 123", " ", " x"}));
  EXPECT_EQ(pieces("smollm", "a 123  x"), (Pieces{"a", " ", "1", "2", "3", " ", " x"}));
  EXPECT_EQ(find_pretokenizer("llama3"), find_pretokenizer("llama-bpe"));
  EXPECT_EQ(find_pretokenizer("unheard-of"), nullptr);
}

TEST(Pretokenizer, WhiteSpaceIsThatOfOnigurumaNotOfPcre2) {
  // U+180E is no white space (PCRE2's \s has it), U+0085 and U+3000 are.
  EXPECT_EQ(pieces("qwen2", "a \u180Eb"), (Pieces{"a", " \u180E", "b"}));
  EXPECT_EQ(pieces("qwen2", "a\u0085\u3000"), (Pieces{"a", "\u0085\u3000"}));
  EXPECT_EQ(pieces("gpt-2", "a\u180E\u180Eb"), (Pieces{"a", "\u180E\u180E", "b"}));
}

TEST(Pretokenizer, LongSIsAnSWhereCaseIsIgnored) {
  EXPECT_EQ(pieces("qwen2", "I'\u017Fx"), (Pieces{"I", "'\u017F", "x"}));
}

TEST(Pretokenizer, GapsAndEmptyMatchesLoseNothing) {
  EXPECT_EQ(pieces(Pretokenizer({"[0-9]+"}), "ab12cd3"), (Pieces{"ab", "12", "cd", "3"}));
  EXPECT_EQ(pieces(Pretokenizer({"x*"}), "axé"), (Pieces{"a", "x", "é"}));
  EXPECT_EQ(pieces(Pretokenizer(Pieces{}), "whole text"), (Pieces{"whole text"}));
  EXPECT_TRUE(pieces("qwen2", "").empty());
}

TEST(Pretokenizer, RefusesWhatItCannotRunAlike) {
  for (const char* pattern : {R"(\w+)", R"(\bx)", R"(\h)", "[a&&b]", "[a[b]]", "^x", "x$", "(", "(*UTF)x", R"(\)"})
    EXPECT_THROW(Pretokenizer({pattern}), ArgumentError) << pattern;
}

TEST(Pretokenizer, StopsAHostileExpression) {
  const Pretokenizer hostile({"(?:a|aa)+[bc]"});
  EXPECT_THROW(pieces(hostile, std::string(60, 'a') + "d"), ArgumentError);
}

}  // namespace
}  // namespace slm
