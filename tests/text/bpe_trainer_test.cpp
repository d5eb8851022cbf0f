// SPDX-License-Identifier: Apache-2.0
// The BPE trainer against Hugging Face's: the tiny models' tokenizers were trained by it on this very text
// (tests/golden/tiny_tokenizers.py).
#include "slm/text/bpe_trainer.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "slm/core/error.h"
#include "slm/io/json.h"

namespace slm {
namespace {

std::string training_text() {
  const std::string once =
      "The river rose in the night and the town moved to higher ground. When the water was low again\n"
      "the people came back, counted what was left, and wrote down the height of the flood on the wall of the mill.\n"
      "Then they went on with the harvest; there is nothing else that one can do in the end.\n"
      "for (int i = 0; i < n; ++i) { sum += x[i] * y[i]; } return sum; def main(): print(\"the answer is\", 42)\n";
  return once + once + once + once;
}

TEST(BpeTrainer, LearnsTheTokensAndMergesOfHuggingFacesTrainer) {
  const TokenizerData data =
      train_byte_bpe(training_text(), {.vocab_size = 320, .special = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}});
  const auto path = std::filesystem::path(SLM_SOURCE_DIR) / "tests/golden/data/tiny/qwen2_tied/tokenizer.json";
  const Json model = parse_json_file(path).at("model");
  std::vector<std::string> merges;
  for (const Json& merge : model.at("merges"))
    merges.push_back(merge.is_array() ? merge[0].get<std::string>() + " " + merge[1].get<std::string>()
                                      : merge.get<std::string>());
  EXPECT_EQ(data.merges, merges);
  ASSERT_EQ(data.tokens.size(), 320u);
  for (const auto& [token, id] : model.at("vocab").items()) EXPECT_EQ(data.tokens[id.get<size_t>()], token);
  EXPECT_EQ(data.eos_id, 317);
  EXPECT_EQ(data.types[317], TokenType::Control);
  EXPECT_EQ(data.types[316], TokenType::Normal);
}

TEST(BpeTrainer, EndsWhereNoPairComesTwice) {
  const TokenizerData data = train_byte_bpe("abab cd", {.vocab_size = 400});
  EXPECT_EQ(data.merges, (std::vector<std::string>{"a b"}));
  EXPECT_EQ(data.tokens.size(), 258u);
  EXPECT_TRUE(train_byte_bpe("", {.vocab_size = 400}).merges.empty());
}

TEST(BpeTrainer, EndsWhereProgressThrows) {
  for (const std::string_view where : {"words", "merges"}) {
    const auto stop = [&](const ProgressEvent& event) {
      if (event.what == where) throw std::runtime_error("enough");
    };
    EXPECT_THROW(train_byte_bpe(training_text(), {.vocab_size = 300, .progress = stop}), std::runtime_error) << where;
  }
  uint64_t merges = 0;
  const auto count = [&](const ProgressEvent& event) { merges += event.what == "merges" ? 1 : 0; };
  train_byte_bpe(training_text(), {.vocab_size = 300, .progress = count});
  EXPECT_EQ(merges, 300u - 256 - 1);
}

TEST(BpeTrainer, RefusesAVocabularyWithoutRoom) {
  EXPECT_THROW(train_byte_bpe("a", {.vocab_size = 256}), ArgumentError);
  EXPECT_THROW(train_byte_bpe("a", {.vocab_size = 300, .pre = "nothing"}), ArgumentError);
}

}  // namespace
}  // namespace slm
