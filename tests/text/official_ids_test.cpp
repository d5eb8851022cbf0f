// SPDX-License-Identifier: Apache-2.0
// Real vocabularies against the official tokenizers: ids of every text in ../shared/data and of 100,000 random strings;
// byte-level ones decode what they encoded to the same bytes.
#include <gtest/gtest.h>

#include <iostream>

#include "slm/io/json.h"
#include "slm/text/normalizer.h"
#include "slm/text/tokenizer.h"
#include "tests/text/golden_support.h"

namespace slm {
namespace {

/// What is decoded to the text it was encoded from: all UTF-8, only NFC (others become it), or not every text, as
/// vocabularies that are not byte-level may change white space.
enum class Returns { Utf8, Nfc, Some };

struct Official {
  const char* golden;
  std::filesystem::path vocabulary;
  Returns returns;
};

std::filesystem::path tokenizers() { return test::shared_data() / "tokenizers"; }

std::vector<Official> officials() {
  const auto models = test::real_models();
  return {{"qwen2.5", tokenizers() / "qwen2.5/tokenizer.reconstructed.json", Returns::Nfc},
          {"qwen2.5", models / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", Returns::Nfc},
          {"codegen", tokenizers() / "codegen_phi1.5/tokenizer.json", Returns::Utf8},
          {"llama2", tokenizers() / "llama2/tokenizer.model", Returns::Some},
          {"smollm2", models / "smollm2-135m-instruct-q4_1.gguf", Returns::Utf8},
          {"gemma3", models / "gemma-3-270m-q4_k_m.gguf", Returns::Some}};
}

struct GoldenLine {
  std::string kind, name;
  size_t count = 0;
  uint64_t hash = 0;
};

std::vector<GoldenLine> read_golden(const std::string& name) {
  std::vector<GoldenLine> lines;
  std::ifstream file(test::text_golden(name + ".ids.txt"));
  for (GoldenLine line; file >> line.kind >> line.name >> std::dec >> line.count >> std::hex >> line.hash;)
    lines.push_back(line);
  return lines;
}

bool must_come_back(const std::string& text, Returns returns) {
  if (returns == Returns::Some || valid_utf8_prefix(text) != text.size()) return false;
  return returns == Returns::Utf8 || nfc(text) == text;
}

class OfficialIds : public testing::TestWithParam<size_t> {};
class OfficialRandomIds : public OfficialIds {};  // of all but gemma3, whose official tokenizer is not to be had

TEST_P(OfficialIds, OfAllSharedTextAndBack) {
  const Official official = officials()[GetParam()];
  SLM_REQUIRE_GOLDEN(test::text_golden(std::string(official.golden) + ".ids.txt"));
  SLM_REQUIRE_PATH(official.vocabulary);
  SLM_REQUIRE_PATH(test::shared_data() / "wikitext2");
  const Tokenizer tokenizer = Tokenizer::load(official.vocabulary);
  size_t files = 0, wrong = 0, back = 0;
  for (const GoldenLine& line : read_golden(official.golden)) {
    if (line.kind != "file") continue;
    ++files;
    const std::string text = read_file(test::shared_data() / line.name);
    const auto ids = tokenizer.encode(text);
    const bool same = ids.size() == line.count && test::hash_ids(ids) == line.hash;
    EXPECT_TRUE(same) << line.name << ": " << ids.size() << " ids, expected " << line.count;
    wrong += !same;
    if (!must_come_back(text, official.returns)) continue;
    ++back;
    EXPECT_TRUE(tokenizer.decode(ids) == text) << line.name << " is decoded to another text";
  }
  EXPECT_GT(files, 40u);
  EXPECT_EQ(back, official.returns == Returns::Some ? 0 : files) << "all shared text is UTF-8 and NFC";
  EXPECT_EQ(wrong, 0u);
}

TEST_P(OfficialRandomIds, OfRandomStringsOfUnicode14) {
  const Official official = officials()[GetParam()];
  SLM_REQUIRE_GOLDEN(test::text_golden(std::string(official.golden) + ".ids.txt"));
  SLM_REQUIRE_PATH(official.vocabulary);
  const Tokenizer tokenizer = Tokenizer::load(official.vocabulary);
  test::RandomStrings strings;
  size_t blocks = 0;
  for (const GoldenLine& line : read_golden(official.golden)) {
    if (line.kind != "random") continue;
    std::vector<int32_t> block;
    for (int i = 0; i < 1000; ++i) {
      const auto ids = tokenizer.encode(strings.next());
      block.insert(block.end(), ids.begin(), ids.end());
      block.push_back(-2);
    }
    EXPECT_TRUE(block.size() == line.count && test::hash_ids(block) == line.hash)
        << "block " << line.name << ": " << block.size() << " ids, expected " << line.count;
    ++blocks;
  }
  EXPECT_EQ(blocks, 100u);
}

std::string parameter_name(const testing::TestParamInfo<size_t>& info) {
  const Official official = officials()[info.param];
  std::string name = std::string(official.golden) + official.vocabulary.extension().string();
  std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
  return name;
}
INSTANTIATE_TEST_SUITE_P(Real, OfficialIds, testing::Range<size_t>(0, 6), parameter_name);
INSTANTIATE_TEST_SUITE_P(Real, OfficialRandomIds, testing::Range<size_t>(0, 5), parameter_name);

}  // namespace
}  // namespace slm
