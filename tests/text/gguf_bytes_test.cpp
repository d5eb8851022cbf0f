// SPDX-License-Identifier: Apache-2.0
// Bytes in a GGUF vocabulary that are no UTF-8. Byte-level BPE spells every byte with a letter, so raw bytes mean
// nothing: refused, by id. SentencePiece has byte tokens ("<0xE4>") for them, and a token that is
// spelled with such bytes keeps them. The chat template stays as it is.
#include <gtest/gtest.h>

#include "slm/io/gguf.h"
#include "slm/text/tokenizer.h"
#include "slm/text/utf8.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

struct Vocabulary {
  std::string model = "gpt2";
  std::vector<std::string> tokens = {"a", "b", "ab", "<end>"};
  std::vector<int32_t> types = {1, 1, 1, 3};
  std::vector<std::string> merges = {"a b"};
  std::string chat_template;

  std::filesystem::path write(const TemporaryFolder& folder) const {
    GgufWriter writer;
    writer.set_string("tokenizer.ggml.model", model);
    writer.set_string("tokenizer.ggml.pre", "gpt-2");
    writer.set_strings("tokenizer.ggml.tokens", {tokens.begin(), tokens.end()});
    writer.set_i32s("tokenizer.ggml.token_type", types);
    if (model == "gpt2")
      writer.set_strings("tokenizer.ggml.merges", {merges.begin(), merges.end()});
    else
      writer.set_f32s("tokenizer.ggml.scores", std::vector<float>(tokens.size(), -1.0f));
    writer.set_string("tokenizer.chat_template", chat_template);
    writer.write(folder.path() / "v.gguf", [](size_t, const GgufWriter::Sink&) {});
    return folder.path() / "v.gguf";
  }
};

constexpr const char* kInvalid[] = {"\xFF", "a\xC3", "\xC3(", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC0\x80"};

TEST(GgufVocabulary, OfByteLevelBpeRefusesATokenThatIsNoUtf8) {
  const TemporaryFolder folder;
  EXPECT_EQ(Tokenizer::load(Vocabulary{}.write(folder)).encode("ab"), std::vector<int32_t>{2});
  for (const char* bytes : kInvalid)
    for (const size_t id : {0, 2, 3}) {  // a control token's name is text, too
      Vocabulary bad;
      bad.tokens[id] = bytes;
      expect_error<FormatError>([&] { Tokenizer::load(bad.write(folder)); },
                                {"v.gguf: [tokenizer] token ", std::to_string(id), " is no valid UTF-8"});
    }
}

TEST(GgufVocabulary, OfByteLevelBpeRefusesAMergeThatIsNoUtf8InOneLineOfUtf8) {
  const TemporaryFolder folder;
  for (const char* bytes : {"a \xFF", "a\n b", "\xC3\xC3 b", "a\x1B[2J", "a\nb"}) {
    Vocabulary bad;
    bad.merges[0] = bytes;
    try {
      Tokenizer::load(bad.write(folder));
      ADD_FAILURE() << "nothing was thrown";
    } catch (const FormatError& error) {
      const std::string_view message = error.what();
      EXPECT_NE(message.find("[tokenizer] merge 0"), std::string_view::npos) << message;
      EXPECT_EQ(valid_utf8_prefix(message), message.size()) << message;
      for (const char c : message) EXPECT_GE(static_cast<unsigned char>(c), ' ') << message;
    }
  }
}

TEST(GgufVocabulary, OfSentencePieceKeepsATokenThatIsNoUtf8AsBytes) {
  const TemporaryFolder folder;
  Vocabulary good{.model = "llama", .tokens = {"<unk>", "<s>", "</s>"}, .types = {2, 3, 3}};
  for (int b = 0; b < 256; ++b) {
    good.tokens.push_back(fmt::format("<0x{:02X}>", b));
    good.types.push_back(6);
  }
  good.tokens.emplace_back("a");
  good.types.push_back(1);
  const Tokenizer tokenizer = Tokenizer::load(good.write(folder));
  EXPECT_EQ(tokenizer.token_bytes(3 + 0xE4), "\xE4") << "a byte token is its byte";
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{3 + 0xE4, 259}, false), "\uFFFDa");
  for (const char* bytes : kInvalid) {
    Vocabulary odd = good;
    odd.tokens.back() = bytes;
    const Tokenizer kept = Tokenizer::load(odd.write(folder));
    EXPECT_EQ(kept.token_bytes(259), bytes);
    const std::string shown = kept.decode(std::vector<int32_t>{259}, false);
    EXPECT_EQ(valid_utf8_prefix(shown), shown.size()) << "a text is UTF-8 all the same";
    EXPECT_NE(shown.find("\uFFFD"), std::string::npos);
    EXPECT_NO_THROW(kept.encode(bytes));
  }
}

TEST(GgufVocabulary, ChatTemplateStaysAsItIs) {
  const TemporaryFolder folder;
  const Vocabulary odd{.chat_template = "{{ '\xFF\xC3' }}\n"};
  EXPECT_EQ(Tokenizer::load(odd.write(folder)).chat_template(), odd.chat_template);
}

}  // namespace
}  // namespace slm
