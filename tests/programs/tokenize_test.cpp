// SPDX-License-Identifier: Apache-2.0
// tokenize says what of a text its ids are: without the token that the model's texts begin with, unless asked, and
// with nothing that a terminal would obey.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/programs/run_program.h"
#include "tests/support/model_paths.h"
#include "tests/support/temporary_folder.h"

namespace slm::test {
namespace {

TEST(Tokenize, SaysWhereAModelSeesATokenBeforeTheText) {
  const TemporaryFolder begins, plain;
  for (const auto& [folder, name] : {std::pair{&begins, "llama3"}, {&plain, "qwen2"}})
    folder->file("tokenizer.json",
                 content_of(source_dir() / fmt::format("tests/text/golden/small_{}.tokenizer.json", name)));
  const auto says = [](const TemporaryFolder& folder, std::vector<std::string> more) {
    std::vector<std::string> words = {"--model", folder.path().string(), "--text", "the river"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run("tokenize", words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran;
  };
  const Ran without = says(begins, {}), with = says(begins, {"--bos"});
  EXPECT_NE(without.err.find("--bos"), std::string::npos) << without.err;
  EXPECT_EQ(without.out.find("<|begin_of_text|>"), std::string::npos) << without.out;
  EXPECT_EQ(with.err.find("--bos"), std::string::npos) << with.err;
  EXPECT_NE(with.out.find("<|begin_of_text|>"), std::string::npos) << with.out;
  EXPECT_EQ(says(plain, {}).err.find("--bos"), std::string::npos) << "its texts begin with nothing";
}

TEST(Tokenize, ShowsPiecesThatCannotCommandTheTerminal) {
  std::string vocabulary = content_of(source_dir() / "tests/text/golden/small_qwen2.tokenizer.json");
  const std::string known = R"("<tool>")", odd = R"("\u001b[2J")";
  const size_t at = vocabulary.find(known);
  ASSERT_NE(at, std::string::npos);
  const TemporaryFolder folder;
  folder.file("tokenizer.json", vocabulary.replace(at, known.size(), odd));
  const std::string model = folder.path().string(), text = "a\x1B[2Jb";
  const Ran ran = run("tokenize", {"--model", model, "--text", text});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("  [2J\n"), std::string::npos) << "the piece, its ESC a space: " << ran.out;
  EXPECT_EQ(ran.out.find('\x1B'), std::string::npos);
  EXPECT_EQ(answer("tokenize", model, {"--text", text}).at("pieces").at(1), "\x1B[2J") << "JSON escapes it";
}

}  // namespace
}  // namespace slm::test
