// SPDX-License-Identifier: Apache-2.0
#include "slm/text/shared_vocabulary.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "slm/core/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_paths.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

TEST(SharedVocabulary, NamesTheFirstTokenThatDiffers) {
  const Tokenizer qwen = Tokenizer::load(test::tiny_models() / "qwen2_tied"),
                  same = Tokenizer::load(test::tiny_models() / "qwen2_untied"),
                  other = Tokenizer::load(test::tiny_models() / "llama_tied");
  EXPECT_EQ(shared_vocabulary(qwen, same), 320);
  int32_t first = 0;
  while (qwen.piece(first) == other.piece(first)) ++first;
  expect_error<ArgumentError>([&] { shared_vocabulary(qwen, other); },
                              {fmt::format("token {}", first), qwen.piece(first), other.piece(first)});
}

/// The tokenizer of qwen2_tied with more added tokens, from id 320 on.
Tokenizer with_added(const std::vector<std::string>& contents) {
  const TemporaryFolder folder;
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    std::filesystem::copy(test::tiny_models() / "qwen2_tied" / file, folder.path());
  nlohmann::json json = nlohmann::json::parse(std::ifstream(folder.path() / "tokenizer.json"));
  for (size_t i = 0; i < contents.size(); ++i)
    json["added_tokens"].push_back({{"id", 320 + i},
                                    {"content", contents[i]},
                                    {"single_word", false},
                                    {"lstrip", false},
                                    {"rstrip", false},
                                    {"normalized", false},
                                    {"special", false}});
  std::ofstream(folder.path() / "tokenizer.json") << json.dump();
  return Tokenizer::load(folder.path());
}

TEST(SharedVocabulary, EndsBeforeWhatOnlyFillsTheEmbedding) {
  const Tokenizer padded = with_added({"<one>", "[PAD321]", "[PAD322]"}), longer = with_added({"<one>", "[PAD321]"}),
                  other_token = with_added({"<one>", "<two>", "[PAD322]"}), of_another_id = with_added({"[PAD7]"});
  ASSERT_EQ(padded.vocab_size(), 323);
  EXPECT_EQ(shared_vocabulary(padded, padded), 321);
  EXPECT_EQ(shared_vocabulary(padded, longer), 321);
  EXPECT_EQ(shared_vocabulary(of_another_id, of_another_id), 321) << "a token that only looks like one";
  expect_error<ArgumentError>([&] { shared_vocabulary(padded, other_token); }, {"token 321", "[PAD321]", "<two>"});
}

TEST(SharedVocabulary, TheOtherModelKnowsEveryTokenOfTheReader) {
  const Tokenizer more = with_added({"<one>", "[PAD321]", "<two>"}), fewer = with_added({"<one>"});
  EXPECT_EQ(shared_vocabulary(fewer, more), 321);
  expect_error<ArgumentError>([&] { shared_vocabulary(more, fewer); }, {"token 322", "<two>", "ends before"});
}

}  // namespace
}  // namespace slm
