// SPDX-License-Identifier: Apache-2.0
// Free answers against what the official script of SQuAD 1.1 says of them (evaluate-v1.1.py, run once for these), and
// that of 2.0 where a side has no words.
#include "slm/eval/answer.h"

#include <gtest/gtest.h>

#include <vector>

namespace slm {
namespace {

TEST(Answer, IsNormalizedAsTheOfficialScriptDoes) {
  EXPECT_EQ(normalize_answer("The  U.S. Army's\tA-team!"), "us armys ateam");
  EXPECT_EQ(normalize_answer("an apple a day, the"), "apple day");
  EXPECT_EQ(normalize_answer("theatre Anne bath"), "theatre anne bath") << "articles are whole words";
  EXPECT_EQ(normalize_answer("the\u2013sea"), "\u2013sea") << "a dash is no ASCII punctuation, and ends a word";
  EXPECT_EQ(normalize_answer("the_sea"), "thesea") << "an underscore is punctuation, and gone before words are";
  EXPECT_EQ(normalize_answer("\u00c9COLE \u0391\u0392"), "\u00e9cole \u03b1\u03b2");
  EXPECT_EQ(normalize_answer("x\u00a0y\u3000z\x1cw"), "x y z w") << "white space is Python's";
  EXPECT_EQ(normalize_answer("a. the! "), "");
}

TEST(Answer, ExactMatchAndF1AreTheOfficialOnes) {
  EXPECT_TRUE(exact_match("The Broncos.", "broncos"));
  EXPECT_FALSE(exact_match("Denver Broncos", "broncos"));
  EXPECT_DOUBLE_EQ(word_f1("Denver Broncos", "the Broncos"), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(word_f1("river river rose", "river rose rose"), 2.0 / 3.0) << "words are a multiset";
  EXPECT_DOUBLE_EQ(word_f1("cat", "dog"), 0.0);
  EXPECT_DOUBLE_EQ(word_f1("the", "a"), 1.0) << "neither has words: 1 by the script of 2.0";
  EXPECT_DOUBLE_EQ(word_f1("the", "dog"), 0.0);
  EXPECT_DOUBLE_EQ(word_f1("dog", ""), 0.0);
}

TEST(Answer, TheBestOfSeveralCounts) {
  const std::vector<std::string> golds = {"42 cm", "forty-two cm"};
  EXPECT_DOUBLE_EQ(best_exact_match("42 CM", golds), 1.0);
  EXPECT_DOUBLE_EQ(best_word_f1("42", golds), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(best_word_f1("42", {}), 0.0);
}

}  // namespace
}  // namespace slm
