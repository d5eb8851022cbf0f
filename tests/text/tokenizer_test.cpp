// SPDX-License-Identifier: Apache-2.0
// Tokenizer: the official ids and texts of small vocabularies, from tokenizer.json and from GGUF.
#include "slm/text/tokenizer.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"
#include "slm/io/json.h"
#include "slm/text/stream_decoder.h"
#include "tests/text/golden_support.h"
#include "tests/text/small_tokenizers.h"

namespace slm {
namespace {

class SmallTokenizers : public testing::TestWithParam<const char*> {};

TEST_P(SmallTokenizers, GiveTheIdsAndTextsOfTheOfficialOnes) {
  const Tokenizer tokenizer = Tokenizer::load(small(GetParam()));
  for (const Json& row : parse_json_file(test::text_golden(std::string("small_") + GetParam() + ".cases.json"))) {
    const auto text = row.at("text").get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), row.at("ids").get<std::vector<int32_t>>()) << text;
    EXPECT_EQ(tokenizer.encode(text, {.control_tokens = true}), row.at("control_ids").get<std::vector<int32_t>>())
        << text;
    EXPECT_EQ(tokenizer.decode(row.at("ids").get<std::vector<int32_t>>()), row.at("decoded").get<std::string>())
        << text;
  }
}

TEST_P(SmallTokenizers, SurviveTheRoadThroughGguf) {
  const Tokenizer tokenizer = Tokenizer::load(small(GetParam()));
  const TokenizerData data = tokenizer.data();
  EXPECT_EQ(data.model, "gpt2");
  EXPECT_EQ(data.pre, std::string(GetParam()) == "gpt2"     ? "gpt-2"
                      : std::string(GetParam()) == "llama3" ? "llama-bpe"
                                                            : GetParam());
  const auto path = temporary(std::string(GetParam()) + ".gguf");
  write_gguf(data, path);
  const Tokenizer read = Tokenizer::load(path);
  for (const Json& row : parse_json_file(test::text_golden(std::string("small_") + GetParam() + ".cases.json"))) {
    const auto text = row.at("text").get<std::string>();
    if (text.find("uraw") != std::string::npos || text.find("    ") != std::string::npos ||
        text.find("<strip>") != std::string::npos)
      continue;  // GGUF cannot say "after normalization" or "with the white space around it"
    EXPECT_EQ(read.encode(text), tokenizer.encode(text)) << text;
    EXPECT_EQ(read.encode(text, {.control_tokens = true}), tokenizer.encode(text, {.control_tokens = true})) << text;
  }
  const TokenizerData again = read.data();
  EXPECT_EQ(again.tokens, data.tokens);
  EXPECT_EQ(again.types, data.types);
  EXPECT_EQ(again.merges, data.merges);
  EXPECT_EQ(again.add_bos, data.add_bos);
  EXPECT_EQ(again.eos_id, data.eos_id);
}

TEST_P(SmallTokenizers, DecodeInPiecesAsInOne) {
  const Tokenizer tokenizer = Tokenizer::load(small(GetParam()));
  test::RandomStrings strings;
  uint64_t state = 3;
  for (int i = 0; i < 500; ++i) {
    std::vector<int32_t> ids = tokenizer.encode(strings.next());
    if (i % 2 == 1) {  // any ids at all: mostly no valid UTF-8
      for (int32_t& id : ids)
        id = static_cast<int32_t>(test::splitmix64(++state) % static_cast<uint64_t>(tokenizer.vocab_size()));
    }
    StreamDecoder stream(tokenizer);
    std::string joined;
    for (const int32_t id : ids) {
      joined += stream.push(id);
      ASSERT_EQ(valid_utf8_prefix(joined), joined.size());
    }
    ASSERT_EQ(joined + stream.finish(), tokenizer.decode(ids));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SmallTokenizers, testing::Values("qwen2", "smollm", "gpt2", "llama3"));

TEST(Tokenizer, DecodesWhatItEncodes) {
  const Tokenizer tokenizer = Tokenizer::load(small("gpt2"));
  test::RandomStrings strings;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = strings.next();
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST(Tokenizer, ReadsInvalidUtf8AsReplacementCharacters) {
  const Tokenizer tokenizer = Tokenizer::load(small("qwen2"));
  EXPECT_EQ(tokenizer.encode("a\xFF\xE2\x82z"), tokenizer.encode("a\uFFFD\uFFFDz"));
  EXPECT_EQ(tokenizer.encode("\xC3"), tokenizer.encode("\uFFFD"));
}

TEST(Tokenizer, KnowsItsTokens) {
  const Tokenizer tokenizer = Tokenizer::load(small("qwen2"));
  const int32_t end = tokenizer.find("<|im_end|>").value();
  EXPECT_TRUE(tokenizer.is_control(end));
  EXPECT_EQ(tokenizer.type(tokenizer.find("<tool>").value()), TokenType::UserDefined);
  EXPECT_EQ(tokenizer.token_bytes(tokenizer.find("Ġ").value()), " ");
  EXPECT_EQ(tokenizer.piece(tokenizer.find("Ġ").value()), "Ġ");
  EXPECT_EQ(tokenizer.token_bytes(tokenizer.find("Żuraw").value()),
            "Żuraw");  // the added token, not the byte-level spelling
  EXPECT_FALSE(tokenizer.find("not a token"));
  EXPECT_EQ(tokenizer.decode(std::vector{end}), "");
  EXPECT_EQ(tokenizer.decode(std::vector{end}, /*skip_special=*/false), "<|im_end|>");
  EXPECT_THROW(tokenizer.decode(std::vector{-1}), ArgumentError);
  EXPECT_THROW(tokenizer.piece(tokenizer.vocab_size()), ArgumentError);
}

TEST(Tokenizer, AddsBosOnlyWhenAskedAndKnown) {
  const Tokenizer llama3 = Tokenizer::load(small("llama3"));
  EXPECT_TRUE(llama3.add_bos());
  EXPECT_EQ(llama3.piece(llama3.encode("x", {.add_bos = true}).front()), "<|begin_of_text|>");
  EXPECT_EQ(llama3.encode("x").size(), 1u);
  const Tokenizer qwen2 = Tokenizer::load(small("qwen2"));
  EXPECT_FALSE(qwen2.add_bos());
  EXPECT_EQ(qwen2.encode("x", {.add_bos = true}), qwen2.encode("x"));
}

}  // namespace
}  // namespace slm
