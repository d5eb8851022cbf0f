// SPDX-License-Identifier: Apache-2.0
#include "slm/text/pretokenizer.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"
#include "tests/support/expect_error.h"

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

TEST(Pretokenizer, EmptyMatchesCut) {
  EXPECT_EQ(pieces(Pretokenizer({"x*"}), "abxxé"), (Pieces{"a", "b", "xx", "é"}));
  EXPECT_EQ(pieces(Pretokenizer({R"((?=(\d{3})+(?!\d)))"}), "a1234567"), (Pieces{"a1", "234", "567"}));
}

TEST(Pretokenizer, RunsExpressionsOneWithinTheOther) {
  const Pretokenizer pretokenizer({"[0-9]+", "[a-c]+", "b"});
  EXPECT_EQ(pieces(pretokenizer, "abc12dbb"), (Pieces{"a", "b", "c", "12", "d", "b", "b"}));
  EXPECT_EQ(pieces(Pretokenizer({"[0-9]", "(?<=1)a"}), "1a"), (Pieces{"1", "a"})) << "a piece begins anew";
}

TEST(Pretokenizer, ARunCutsManyStretches) {
  const Pretokenizer pretokenizer({"[0-9]+"});
  Pretokenizer::Run run(pretokenizer, 8);
  Pieces all;
  for (const char* stretch : {"a1", "", "22b", "c"})
    run.split(stretch, [&](std::string_view piece) { all.emplace_back(piece); });
  EXPECT_EQ(all, (Pieces{"a", "1", "22", "b", "c"}));
}

constexpr const char* kHostile[] = {
    R"(a(?=.*b)|.)",         // looks to the end from everywhere
    R"(a(?=.*+b)|.)",        // … without going back
    R"((a|b)*c|.)",          // a group, as far as that
    R"((?:[ab]*c|a)*d|.)",   // quadratic in one match
    R"(a*[ab]*+c|.)",        // the same, without a group
    R"((?:a|aa)+[bc])",      // exponential
    R"((?:(?:a?)*)*b|.)",    // nothing, often
    R"((?>a*)b|.)",          // at every place anew
    R"((?:a{900}){900}b|.)"  // counted
};

TEST(Pretokenizer, StopsHostileExpressionsWhenTheirStepsAreSpent) {
  for (const char* pattern : kHostile)
    expect_error<ArgumentError>([&] { pieces(Pretokenizer({pattern}), std::string(80'000, 'a')); },
                                {"[pretokenizer] expression", "80000 bytes"});
  std::string optional;  // 2³⁰ ways, and no loop
  for (int i = 0; i < 30; ++i) optional += "a?";
  for (const std::string& pattern : {optional + std::string(30, 'a') + "b|.", std::string(R"((?:a|aa)+[bc])")})
    EXPECT_THROW(pieces(Pretokenizer({pattern}), std::string(60, 'a') + "d"), ArgumentError) << pattern;
}

TEST(Pretokenizer, StepsAreThoseOfAllStretches) {
  const Pretokenizer hostile({R"(a(?=.*b)|.)"});
  const std::string stretch(500, 'a');  // 125,000 steps there and twice as many back: within what one may take
  EXPECT_EQ(pieces(hostile, stretch).size(), 500u);
  Pretokenizer::Run run(hostile, 100 * stretch.size());
  int done = 0;
  EXPECT_THROW(
      while (done < 100) {
        run.split(stretch, [](std::string_view) {});
        ++done;
      },
      ArgumentError);
  EXPECT_GT(done, 10);
  EXPECT_LT(done, 60);
}

/// Real expressions need a sixteenth of the steps they may take, whatever the text.
TEST(Pretokenizer, KnownExpressionsStayFarFromTheLimit) {
  for (const char* name : {"qwen2", "smollm", "gpt-2", "llama-bpe", "default"}) {
    const Pretokenizer pretokenizer(find_pretokenizer(name)->patterns);
    for (const char* unit : {"a", " ", "\n", "1", "!", "ab ", "\t ", "'s", " \n", "  x", " !", "\r\n\r\n   "}) {
      std::string text;
      while (text.size() < 1 << 18) text += unit;
      Pretokenizer::Run run(pretokenizer, text.size() / 16);
      EXPECT_NO_THROW(run.split(text + "x", [](std::string_view) {})) << name << " on \"" << unit << "\"";
    }
  }
}

}  // namespace
}  // namespace slm
