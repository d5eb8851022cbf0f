// SPDX-License-Identifier: Apache-2.0
#include "slm/eval/answer.h"

#include <algorithm>
#include <map>
#include <vector>

#include "slm/text/characters.h"
#include "slm/text/utf8.h"

namespace slm {
namespace {

constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";  // Python's string.punctuation

std::string without_punctuation(std::string text) {
  std::erase_if(text, [](char c) { return kPunctuation.find(c) != kPunctuation.npos; });
  return text;
}

/// Runs of word characters that are an article become a space: re.sub(r"\b(a|an|the)\b", " ", text).
std::string without_articles(std::string_view text) {
  std::string kept, word;
  const auto end_word = [&] {
    kept += word == "a" || word == "an" || word == "the" ? " " : word;
    word.clear();
  };
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const std::string_view character = text.substr(0, step.length);
    if (is_word_character(step.code_point)) {
      word += character;
    } else {
      end_word();
      kept += character;
    }
    text.remove_prefix(step.length);
  }
  end_word();
  return kept;
}

/// Python's str.split().
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    if (!is_python_space(step.code_point))
      words.back() += text.substr(0, step.length);
    else if (!words.back().empty())
      words.emplace_back();
    text.remove_prefix(step.length);
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::vector<std::string> normal_words(std::string_view text) {
  return words_of(without_articles(without_punctuation(lower_case(text))));
}

template <class Metric>
double best(std::string_view answer, std::span<const std::string> golds, Metric metric) {
  double most = 0;
  for (const std::string& gold : golds) most = std::max(most, static_cast<double>(metric(answer, gold)));
  return most;
}

}  // namespace

std::string normalize_answer(std::string_view text) {
  std::string joined;
  for (const std::string& word : normal_words(text)) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

bool exact_match(std::string_view answer, std::string_view gold) {
  return normalize_answer(answer) == normalize_answer(gold);
}

double word_f1(std::string_view answer, std::string_view gold) {
  const std::vector<std::string> found = normal_words(answer), wanted = normal_words(gold);
  if (found.empty() || wanted.empty()) return found.empty() && wanted.empty() ? 1.0 : 0.0;
  std::map<std::string_view, int64_t> left;
  for (const std::string& word : wanted) ++left[word];
  int64_t common = 0;
  for (const std::string& word : found)
    if (const auto it = left.find(word); it != left.end() && it->second > 0) --it->second, ++common;
  if (common == 0) return 0.0;
  const double precision = static_cast<double>(common) / static_cast<double>(found.size()),
               recall = static_cast<double>(common) / static_cast<double>(wanted.size());
  return 2 * precision * recall / (precision + recall);
}

double best_exact_match(std::string_view answer, std::span<const std::string> golds) {
  return best(answer, golds, exact_match);
}
double best_word_f1(std::string_view answer, std::span<const std::string> golds) {
  return best(answer, golds, word_f1);
}

}  // namespace slm
