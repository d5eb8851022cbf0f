// SPDX-License-Identifier: Apache-2.0
#include "slm/text/sentencepiece.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"
#include "slm/io/atomic_file.h"
#include "slm/io/gguf.h"
#include "slm/io/json.h"
#include "slm/text/stream_decoder.h"
#include "tests/support/temporary_folder.h"
#include "tests/text/golden_support.h"
#include "tests/text/small_sentencepiece.h"

namespace slm {
namespace {

std::vector<std::string> spelled(const Tokenizer& tokenizer, std::string_view text, EncodeOptions options = {}) {
  std::vector<std::string> pieces;
  for (const int32_t id : tokenizer.encode(text, options)) pieces.push_back(tokenizer.piece(id));
  return pieces;
}

using Pieces = std::vector<std::string>;

TEST(SentencePiece, ReadsBackWhatItWrites) {
  SentencePieceSpec spec = small_spec();
  spec.add_dummy_prefix = false;
  spec.pad_id = -1;
  spec.eos_id = 2;
  const SentencePieceSpec read = parse_sentencepiece(serialize_sentencepiece(spec), "memory");
  ASSERT_EQ(read.pieces.size(), spec.pieces.size());
  for (size_t i = 0; i < spec.pieces.size(); ++i) {
    EXPECT_EQ(read.pieces[i].text, spec.pieces[i].text);
    EXPECT_EQ(read.pieces[i].score, spec.pieces[i].score);
    EXPECT_EQ(read.pieces[i].type, spec.pieces[i].type);
  }
  EXPECT_FALSE(read.unigram);
  EXPECT_FALSE(read.add_dummy_prefix);
  EXPECT_FALSE(read.remove_extra_whitespaces);
  EXPECT_FALSE(read.rewrites_text);
  EXPECT_EQ(read.pad_id, -1);
}

TEST(SentencePiece, EncodesWithPrefixBytesAndUserDefinedTokens) {
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_EQ(spelled(tokenizer, "hello world"), (Pieces{"\u2581hello", "\u2581world"}));
  EXPECT_EQ(spelled(tokenizer, "hellé"), (Pieces{"\u2581", "hell", "<0xC3>", "<0xA9>"}));
  EXPECT_EQ(spelled(tokenizer, "he<tool>"), (Pieces{"\u2581", "he", "<tool>"}));
  EXPECT_EQ(spelled(tokenizer, "<s>", {.control_tokens = true, .add_bos = true}), (Pieces{"<s>", "<s>"}));
  EXPECT_EQ(tokenizer.encode("<s>").size(), 4u);  // plain text: bytes of "<s>" after the prefix
  EXPECT_TRUE(tokenizer.encode("").empty());
  EXPECT_TRUE(tokenizer.add_bos());
  EXPECT_EQ(tokenizer.eos_ids(), (std::vector<int32_t>{2}));
}

TEST(SentencePiece, AContinuationHasNoPrefix) {
  const Tokenizer tokenizer = small_tokenizer();
  const EncodeOptions behind{.continues = true};
  EXPECT_EQ(spelled(tokenizer, "hello", behind), (Pieces{"hello"}));
  EXPECT_EQ(spelled(tokenizer, " hello world", behind), (Pieces{"\u2581hello", "\u2581world"}));
  EXPECT_EQ(spelled(tokenizer, " ", behind), (Pieces{"\u2581"}));
  EXPECT_EQ(spelled(tokenizer, "\nhe", behind), (Pieces{"<0x0A>", "he"}));
  EXPECT_EQ(spelled(tokenizer, "<tool>he", behind), (Pieces{"<tool>", "he"}));
  EXPECT_TRUE(tokenizer.encode("", behind).empty());
  for (const std::string text : {" world", "\nhello", "é", " hellé world"}) {
    std::vector<int32_t> ids = tokenizer.encode("hello");
    const std::vector<int32_t> rest = tokenizer.encode(text, behind);
    ids.insert(ids.end(), rest.begin(), rest.end());
    EXPECT_EQ(ids, tokenizer.encode("hello" + text)) << text;
  }
}

TEST(SentencePiece, DecodeDropsThePrefixOnceAndStreamAgrees) {
  const Tokenizer tokenizer = small_tokenizer();
  for (const std::string text : {"hello world", " hello", "hellé wörld 河", "  ", "<s> world", "he\nll"}) {
    const auto ids = tokenizer.encode(text, {.add_bos = true});
    EXPECT_EQ(tokenizer.decode(ids), text);
    StreamDecoder stream(tokenizer);
    std::string joined;
    for (const int32_t id : ids) {
      joined += stream.push(id);
      EXPECT_EQ(valid_utf8_prefix(joined), joined.size());
    }
    EXPECT_EQ(joined + stream.finish(), text);
  }
  StreamDecoder continuation(tokenizer, StreamStart::Continuation);
  EXPECT_EQ(continuation.push(*tokenizer.find("\u2581world")), " world");
}

TEST(SentencePiece, CuttingLongTextsChangesNothing) {
  SentencePieceSpec spec = small_spec();
  spec.pieces.push_back({"d\u2581h", -3.5f, TokenType::Normal});  // reaches over a space
  for (const bool prefix : {true, false}) {
    spec.add_dummy_prefix = prefix;
    const std::string proto = serialize_sentencepiece(spec);
    SentencePieceSpec uncut = spec;
    uncut.rewrites_text = true;  // says: leave it to the library
    const SentencePieceModel cut_model(proto, spec, "memory"), whole_model(proto, uncut, "memory");
    std::string text;
    uint64_t state = 7;
    const std::vector<std::string> words = {"hello",   "world",  " ",  "  ", " hello",
                                            "d hello", "\u2581", " w", "é",  "\n"};
    for (int i = 0; i < 8000; ++i) text += words[test::splitmix64(state += 0x9E3779B97F4A7C15ULL) % words.size()];
    std::vector<int32_t> cut, whole;
    cut_model.encode(text, cut);
    whole_model.encode(text, whole);
    EXPECT_EQ(cut, whole);
  }
}

TEST(SentencePiece, RoundTripsThroughGguf) {
  const Tokenizer tokenizer = small_tokenizer();
  const TokenizerData data = tokenizer.data();
  EXPECT_EQ(data.model, "llama");
  EXPECT_EQ(data.add_space_prefix, true);
  GgufWriter writer;
  writer.set_string("tokenizer.ggml.model", data.model);
  std::vector<std::string_view> tokens(data.tokens.begin(), data.tokens.end());
  writer.set_strings("tokenizer.ggml.tokens", tokens);
  writer.set_f32s("tokenizer.ggml.scores", data.scores);
  std::vector<int32_t> types;
  for (const TokenType type : data.types) types.push_back(static_cast<int32_t>(type));
  writer.set_i32s("tokenizer.ggml.token_type", types);
  const auto path = std::filesystem::path(testing::TempDir()) / "small_sp.gguf";
  writer.write(path, [](size_t, const GgufWriter::Sink&) {});
  const Tokenizer read = Tokenizer::load(path);
  for (const std::string text : {"hello world", "hell<tool> é", "   w"})
    EXPECT_EQ(read.encode(text), tokenizer.encode(text));
  EXPECT_EQ(read.data().types, data.types);
}

TEST(SentencePiece, SaysWhatGgufsLlamaKindCannotSay) {
  EXPECT_EQ(small_tokenizer().data().model, "llama");
  SentencePieceSpec unigram = small_spec();
  unigram.unigram = true;
  const std::string plain = serialize_sentencepiece(small_spec());
  // A message that comes twice is merged: more fields for the trainer's and the normalizer's.
  const std::string suffix = plain + std::string("\x12\x03\xc0\x01\x01", 5);  // treat_whitespace_as_suffix
  const std::string bare = plain + std::string("\x1a\x02\x28\x00", 4);        // no escape_whitespaces
  for (const std::string& proto : {serialize_sentencepiece(unigram), suffix, bare}) {
    const TemporaryFolder folder;
    folder.file("tokenizer.model", proto);
    EXPECT_EQ(Tokenizer::load(folder.path()).data().model, "sentencepiece");
  }
}

/// As LlamaTokenizer of transformers 5.23 does with Llama 2's model and such a tokenizer_config.json.
TEST(SentencePiece, TokensOfTheFolderStripWhiteSpaceOnTheSidesItSays) {
  const TemporaryFolder folder;
  folder.file("tokenizer.model", serialize_sentencepiece(small_spec()));
  const int32_t next = static_cast<int32_t>(small_spec().pieces.size());
  folder.file("tokenizer_config.json",
              fmt::format(R"({{"added_tokens_decoder":{{"2":{{"content":"</s>","special":true,"rstrip":true}},
                              "{}":{{"content":"<|both|>","special":true,"lstrip":true,"rstrip":true}},
                              "{}":{{"content":"<|left|>","special":true,"lstrip":true}},
                              "{}":{{"content":"<|none|>","special":true}}}}}})",
                          next, next + 1, next + 2));
  folder.file("added_tokens.json", fmt::format(R"({{"<|both|>":{},"<|more|>":{}}})", next, next + 3));
  const Tokenizer tokenizer = Tokenizer::load(folder.path());
  const auto pieces = [&](std::string_view text) { return spelled(tokenizer, text, {.control_tokens = true}); };
  EXPECT_EQ(pieces("hello </s>  world"), (Pieces{"\u2581hello", "\u2581", "</s>", "\u2581world"}));
  EXPECT_EQ(pieces("hello <|both|>  world"), (Pieces{"\u2581hello", "<|both|>", "\u2581world"}));
  EXPECT_EQ(pieces("hello <|left|>world"), (Pieces{"\u2581hello", "<|left|>", "\u2581world"}));
  EXPECT_EQ(pieces("hello <|none|>world"), (Pieces{"\u2581hello", "\u2581", "<|none|>", "\u2581world"}));
  EXPECT_EQ(pieces("hello<|more|><s>"), (Pieces{"\u2581hello", "<|more|>", "<s>"}));
  EXPECT_EQ(tokenizer.type(next + 3), TokenType::Control);
  for (const std::string& piece : spelled(tokenizer, "hello <|both|>  world")) EXPECT_NE(piece, "<|both|>");
}

TEST(SentencePiece, RefusesWhatIsNoModel) {
  const std::string proto = serialize_sentencepiece(small_spec());
  for (const std::string& bytes :
       {std::string("not a model"), std::string(), proto.substr(0, proto.size() / 2) + "\xFF"}) {
    const auto path = std::filesystem::path(testing::TempDir()) / "bad.model";
    write_file(path, bytes);
    EXPECT_THROW(Tokenizer::load(path), Error);
  }
}

}  // namespace
}  // namespace slm
