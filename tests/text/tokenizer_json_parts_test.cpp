// SPDX-License-Identifier: Apache-2.0
// What each part of a tokenizer.json becomes. What is refused: Tokenizer.NamesWhatItDoesNotSupport.
#include "text/tokenizer_json_parts.h"

#include <gtest/gtest.h>

#include "slm/core/check.h"
#include "tests/support/expect_error.h"

namespace slm {
namespace {

/// A vocabulary of "a" (0), "b" (1) and the parts of `root`, read.
struct Read {
  explicit Read(Json json) : root(std::move(json)), parts(root, path, impl) {
    impl.table.set(0, "a", false);
    impl.table.set(1, "b", false);
    impl.types.assign(2, TokenType::Normal);
  }
  std::vector<std::string> patterns() {
    std::vector<std::string> found;
    EXPECT_TRUE(parts.pre_tokenizer(root, found));
    return found;
  }
  Json root;
  std::string path = "t.json";
  Tokenizer::Impl impl;
  TokenizerJsonParts parts;
};

const Json kByteLevel = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};

Json sequence(const Json& first, const Json& second = kByteLevel) {
  return {{"type", "Sequence"}, {"pretokenizers", Json::array({first, second})}};
}

TEST(TokenizerJsonParts, PreTokenizersBecomeExpressions) {
  using Patterns = std::vector<std::string>;
  EXPECT_EQ(Read(kByteLevel).patterns(), Patterns{});
  EXPECT_EQ(Read({{"type", "ByteLevel"}, {"add_prefix_space", false}}).patterns(), Patterns{kGpt2Pattern});
  EXPECT_EQ(Read(sequence({{"type", "Digits"}, {"individual_digits", true}})).patterns(), Patterns{"\\p{N}"});
  EXPECT_EQ(Read(sequence({{"type", "Digits"}})).patterns(), Patterns{"\\p{N}+"});
  const auto split = [](const Json& pattern) {
    return Read(sequence({{"type", "Split"}, {"behavior", "Isolated"}, {"pattern", pattern}})).patterns();
  };
  EXPECT_EQ(split({{"Regex", "x+"}}), Patterns{"x+"});
  EXPECT_EQ(split({{"String", "a.b"}}), Patterns{"a\\.b"});
}

TEST(TokenizerJsonParts, ASplitAtATextMatchesThatTextAlone) {
  const std::string special = R"(x\^$.|?*+()[]{}#-&&"' y)";
  Read read(sequence({{"type", "Split"}, {"behavior", "Isolated"}, {"pattern", {{"String", special}}}}));
  const Pretokenizer pretokenizer(read.patterns());
  std::vector<std::string> pieces;
  pretokenizer.split("1" + special + "2", [&](std::string_view piece) { pieces.emplace_back(piece); });
  EXPECT_EQ(pieces, (std::vector<std::string>{"1", special, "2"}));
}

TEST(TokenizerJsonParts, NothingMayFollowByteLevel) {
  Read read(sequence(kByteLevel, {{"type", "Digits"}}));
  std::vector<std::string> patterns;
  expect_error<FormatError>([&] { read.parts.pre_tokenizer(read.root, patterns); }, {"t.json", "after ByteLevel"});
}

TEST(TokenizerJsonParts, NormalizersSayNfcOrNothing) {
  for (const auto& [json, nfc] : {std::pair{"null", false},
                                  {R"({"type":"NFC"})", true},
                                  {R"({"type":"Sequence","normalizers":[]})", false},
                                  {R"({"type":"Sequence","normalizers":[{"type":"NFC"}]})", true}}) {
    Read read(Json::parse(json));
    read.parts.normalizer(read.root);
    EXPECT_EQ(read.impl.nfc, nfc) << json;
  }
}

TEST(TokenizerJsonParts, AddedTokensAreFoundBeforeOrAfterNormalization) {
  Read read(Json::parse(R"({"added_tokens":[
      {"id":5,"content":"<s>","special":true},
      {"id":6,"content":"<n>","special":true,"normalized":true},
      {"id":1,"content":"b","special":false,"normalized":false},
      {"id":7,"content":"<t>","lstrip":true,"rstrip":true}]})"));
  read.parts.added_tokens();
  const auto cut = [](const AddedTokens& tokens, std::string_view text) {
    std::string result;
    tokens.split(
        text, true, [&](std::string_view part) { result += "[" + std::string(part) + "]"; },
        [&](int32_t id) { result += std::to_string(id); });
    return result;
  };
  EXPECT_EQ(cut(read.impl.raw_tokens, "<s><n>b <t> x"), "5[<n>]1[ <t> x]");
  EXPECT_EQ(cut(read.impl.normalized_tokens, "<s><n>b <t> x"), "[<s>]6[b]7[x]");
  EXPECT_EQ(read.impl.types, (std::vector<TokenType>{TokenType::Normal, TokenType::UserDefined, TokenType::Unused,
                                                     TokenType::Unused, TokenType::Unused, TokenType::Control,
                                                     TokenType::Control, TokenType::UserDefined}));
  Read other(Json::parse(R"({"added_tokens":[{"id":0,"content":"<s>"}]})"));
  expect_error<FormatError>([&] { other.parts.added_tokens(); }, {"id 0 of \"<s>\"", "another token"});
}

TEST(TokenizerJsonParts, ATemplateMaySetBosAndNothingElse) {
  const auto read_template = [](const Json& single) {
    auto read = std::make_unique<Read>(Json::parse(R"({"added_tokens":[{"id":5,"content":"<s>","special":true}]})"));
    read->parts.added_tokens();
    read->parts.post_processor({{"type", "TemplateProcessing"}, {"single", single}});
    return read;
  };
  const Json text = Json::parse(R"({"Sequence":{"id":"A"}})"), bos = Json::parse(R"({"SpecialToken":{"id":"<s>"}})"),
             unknown = Json::parse(R"({"SpecialToken":{"id":"<x>"}})");
  EXPECT_FALSE(read_template(Json::array({text}))->impl.add_bos);
  EXPECT_TRUE(read_template(Json::array({bos, text}))->impl.add_bos);
  EXPECT_EQ(read_template(Json::array({bos, text}))->impl.bos_id, 5);
  expect_error<FormatError>([&] { read_template(Json::array({text, bos})); }, {"<s> after the text"});
  expect_error<FormatError>([&] { read_template(Json::array({unknown, text})); }, {"<x>"});
}

TEST(TokenizerJsonParts, AnUnknownTokenNeedsAVocabularyOfAllBytes) {
  const Json with = {{"unk_token", "a"}}, without = Json::object();
  for (const int absent : {-1, 0x00, 0x41, 0xF4}) {
    Read read(Json::object());
    for (int b = 0; b < 0xF5; ++b) {  // 0xC0, 0xC1 and all above 0xF4 are in no UTF-8
      const char byte = static_cast<char>(static_cast<uint8_t>(b));
      if (b != absent && b != 0xC0 && b != 0xC1) read.impl.table.set(2 + b, {&byte, 1}, false);
    }
    read.impl.table.build_index();
    EXPECT_NO_THROW(read.parts.check_unknown(without));
    if (absent < 0) {
      EXPECT_NO_THROW(read.parts.check_unknown(with));
    } else {
      expect_error<FormatError>([&] { read.parts.check_unknown(with); }, {fmt::format("byte 0x{:02X}", absent)});
    }
  }
}

}  // namespace
}  // namespace slm
