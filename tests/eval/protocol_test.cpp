// SPDX-License-Identifier: Apache-2.0
#include "slm/eval/protocol.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "slm/core/error.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

std::string message_of(const auto& action) {
  try {
    action();
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "nothing thrown";
}

TEST(Protocol, NamesReadBack) {
  for (const Protocol protocol : {Protocol::Gptq2048, Protocol::LlamaCpp512, Protocol::Rolling})
    EXPECT_EQ(parse_protocol(name(protocol)), protocol);
  EXPECT_EQ(message_of([] { parse_protocol("gptq"); }),
            "[protocol] \"gptq\" is unknown, expected one of: gptq2048 llamacpp512 rolling");
}

TEST(Protocol, GptqCountsAllButTheFirstOfEachWholeWindow) {
  const std::vector<EvalWindow> expected = {{0, 1, 2048}, {2048, 2049, 4096}};
  EXPECT_EQ(eval_windows({.protocol = Protocol::Gptq2048}, 4096 + 2047), expected);
}

TEST(Protocol, LlamaCppCountsTheLast255OfEachWholeWindow) {
  const std::vector<EvalWindow> expected = {{0, 257, 512}, {512, 769, 1024}};
  EXPECT_EQ(eval_windows({.protocol = Protocol::LlamaCpp512}, 1024 + 511), expected);
  EXPECT_EQ(expected[0].end - expected[0].first_counted, 255);
}

TEST(Protocol, RollingCountsEveryTokenOnceWithEnoughBeforeIt) {
  for (const int64_t tokens : {2, 7, 8, 9, 11, 12, 64, 1001})
    for (const auto& [window, stride] : {std::pair<int64_t, int64_t>{8, 3}, {8, 7}, {8, 1}, {2, 1}}) {
      int64_t counted = 1;
      for (const EvalWindow& w : eval_windows({Protocol::Rolling, window, stride}, tokens)) {
        EXPECT_EQ(w.first_counted, counted);
        EXPECT_LE(w.end - w.begin, window);
        EXPECT_LT(w.first_counted, w.end);
        EXPECT_TRUE(w.begin == 0 || w.first_counted - w.begin >= window - stride);
        counted = w.end;
      }
      EXPECT_EQ(counted, tokens) << window << " " << stride;
    }
}

TEST(Protocol, RefusesTextsAndStridesThatGiveNoWindow) {
  EXPECT_EQ(message_of([] { eval_windows({.protocol = Protocol::Gptq2048}, 2047); }),
            "[perplexity] the text has 2047 tokens, gptq2048 needs at least 2048");
  EXPECT_EQ(message_of([] { eval_windows({.protocol = Protocol::LlamaCpp512}, 511); }),
            "[perplexity] the text has 511 tokens, llamacpp512 needs at least 512");
  EXPECT_EQ(message_of([] {
              eval_windows({Protocol::Rolling, 8, 4}, 1);
            }),
            "[perplexity] the text has 1 tokens, rolling needs at least 2");
  for (const int64_t stride : {-1, 0, 8, 9})
    EXPECT_THROW(eval_windows({Protocol::Rolling, 8, stride}, 100), ArgumentError) << stride;
}

TEST(Protocol, GptqRebuildsTheRowsOfTheRawFile) {
  EXPECT_EQ(protocol_text(Protocol::Gptq2048, " \n = Title = \n \n One . \n Two . \n"),
            "\n\n = Title = \n\n\n\n\n One . \n\n\n Two . \n");
  EXPECT_EQ(protocol_text(Protocol::Gptq2048, "no line end"), "no line end");
  EXPECT_EQ(protocol_text(Protocol::Gptq2048, ""), "");
  for (const Protocol protocol : {Protocol::LlamaCpp512, Protocol::Rolling})
    EXPECT_EQ(protocol_text(protocol, " \n = Title = \n"), " \n = Title = \n");
}

TEST(Protocol, TokenizesOnceAndKeepsTheProtocolsName) {
  const Tokenizer tokenizer = Tokenizer::load(test::tiny_models() / "qwen2_tied");
  const std::string words = "The river rose in the night. \n \n The town moved. \n";
  const EvalText text = make_eval_text(tokenizer, words, {Protocol::Rolling, 16, 4});
  EXPECT_EQ(text.protocol, "rolling W=16 S=4");
  EXPECT_EQ(text.ids, tokenizer.encode(words));
  EXPECT_EQ(text.counted_tokens(), std::ssize(text.ids) - 1);
  EXPECT_FALSE(text.bos) << "this vocabulary adds none";
}

TEST(Protocol, Wikitext2TestHasTheKnownNumberOfQwenTokens) {
  const std::filesystem::path raw = test::shared_data() / "wikitext2/raw/wiki.test.raw";
  const std::filesystem::path model = test::real_models() / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
  SLM_REQUIRE_PATH(raw);
  SLM_REQUIRE_PATH(model);
  std::stringstream file;
  file << std::ifstream(raw, std::ios::binary).rdbuf();
  const Tokenizer tokenizer = Tokenizer::load(model);
  const EvalText gptq = make_eval_text(tokenizer, file.str(), {.protocol = Protocol::Gptq2048});
  const EvalText llama = make_eval_text(tokenizer, file.str(), {.protocol = Protocol::LlamaCpp512});
  EXPECT_EQ(gptq.ids.size(), 299078u);
  EXPECT_EQ(llama.ids.size(), 299078u);
  EXPECT_NE(gptq.ids, llama.ids);
  EXPECT_EQ(gptq.windows.size(), 146u);
  EXPECT_EQ(llama.windows.size(), 584u);
}

}  // namespace
}  // namespace slm
