// SPDX-License-Identifier: Apache-2.0
// How good a free answer is: exact match and F1 over words, as the official evaluation script of SQuAD 1.1 counts them
// (Rajpurkar et al. 2016, §6); where a side has no words as that of 2.0 does.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace slm {

/// Lower case, without ASCII punctuation, without the words a, an, the; words separated by single spaces. Lower case is
/// Unicode's simple mapping.
std::string normalize_answer(std::string_view text);

/// Whether the normalized texts are equal.
bool exact_match(std::string_view answer, std::string_view gold);

/// 2·P·R/(P + R) over the normalized words as multisets; 0 where none is common; where either has no words, 1 if
/// neither has any, else 0.
double word_f1(std::string_view answer, std::string_view gold);

/// The best over several right answers; 0 where there are none.
double best_exact_match(std::string_view answer, std::span<const std::string> golds);
double best_word_f1(std::string_view answer, std::span<const std::string> golds);

}  // namespace slm
