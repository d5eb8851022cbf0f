// SPDX-License-Identifier: Apache-2.0
// Encoding takes time in proportion to the text, also where one megabyte repeats itself.
#include <gtest/gtest.h>

#include <ctime>

#include "slm/text/tokenizer.h"
#include "tests/support/model_paths.h"
#include "tests/text/small_tokenizers.h"

namespace slm {
namespace {

/// Processor time: other programs may run beside the tests.
double seconds_to_encode(const Tokenizer& tokenizer, const std::string& text) {
  const std::clock_t start = std::clock();
  EXPECT_FALSE(tokenizer.encode(text).empty());
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

/// A quarter of a megabyte and one megabyte of the same: four times the work, n log n and noise allowed, not sixteen.
void expect_near_linear(const Tokenizer& tokenizer, const std::vector<std::string>& units) {
  for (const std::string& unit : units) {
    std::string quarter, whole;
    while (quarter.size() < size_t{256} << 10) quarter += unit;
    for (int i = 0; i < 4; ++i) whole += quarter;
    const double quarter_seconds = seconds_to_encode(tokenizer, quarter),
                 whole_seconds = seconds_to_encode(tokenizer, whole);
    EXPECT_TRUE(whole_seconds < 10 * quarter_seconds || whole_seconds < 1.0)
        << "\"" << unit << "\": " << quarter_seconds << " s, then " << whole_seconds << " s";
  }
}

TEST(Tokenizer, OneMegabyteOfTheSameStaysNearLinear) {
  const std::vector<std::string> units = {"a",   " ",  "🌊",          "\n",           "1", "!", "ab ", "e\u0301", "河",
                                          "\t ", "'s", "<|im_end|>", "a\u0301\u0323"};
  expect_near_linear(Tokenizer::load(small("qwen2")), units);
  expect_near_linear(Tokenizer::load(small("smollm")), units);
}

TEST(Tokenizer, OneMegabyteOfTheSameStaysNearLinearWithRealVocabularies) {
  const auto llama2 = test::shared_data() / "tokenizers/llama2/tokenizer.model";
  SLM_REQUIRE_PATH(llama2);
  expect_near_linear(Tokenizer::load(llama2), {"a", " ", "🌊"});
  expect_near_linear(Tokenizer::load(test::shared_data() / "tokenizers/qwen2.5/tokenizer.reconstructed.json"),
                     {"a", " ", "🌊"});
}

}  // namespace
}  // namespace slm
