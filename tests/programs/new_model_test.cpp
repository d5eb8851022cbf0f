// SPDX-License-Identifier: Apache-2.0
// new_model: a folder that loads, runs and trains; the same for a seed; a vocabulary of its own or another model's.
#include <gtest/gtest.h>

#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

TEST(NewModel, MakesAFolderThatRunsAndTheSameForASeed) {
  const TemporaryFolder folder;
  std::string story;
  for (int i = 0; i < 200; ++i) story += "The river rose in night " + std::to_string(i) + " and fell again.\n";
  const std::string text = folder.file("story.txt", story);
  const auto made = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> words = {
        "--out", (folder.path() / name).string(), "--width", "64", "--layers", "2", "--ffn", "96", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run("new_model", words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.exit_code == 0 ? ran.json() : nlohmann::json();
  };
  const auto weights = [&](const std::string& name) { return content_of(folder.path() / name / "model.safetensors"); };
  const nlohmann::json first = made("a", {"--text", text, "--vocab", "300", "--seed", "4"});
  EXPECT_GT(first.at("vocab"), 265) << "as many as pairs come twice, at most what was asked";
  EXPECT_LE(first.at("vocab"), 300);
  const nlohmann::json config = nlohmann::json::parse(content_of(folder.path() / "a/config.json"));
  EXPECT_EQ(config.at("rms_norm_eps"), 1e-6) << "the decimal, not the float's neighbour";
  answer("infer", (folder.path() / "a").string(), {"--raw", "--prompt", "The river", "-n", "4", "--ignore-eos"});
  made("b", {"--text", text, "--vocab", "300", "--seed", "4"});
  EXPECT_EQ(weights("a"), weights("b"));
  made("c", {"--tokenizer", (folder.path() / "a").string(), "--seed", "5"});
  EXPECT_NE(weights("a"), weights("c"));
  EXPECT_EQ(content_of(folder.path() / "a/tokenizer.json"), content_of(folder.path() / "c/tokenizer.json"));
}

TEST(NewModel, NamesWhatMakesNoModel) {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "o").string(), text = folder.file("t", "some text");
  expect_error(run("new_model", {"--out", out}), 2, "expected one of --text and --tokenizer");
  expect_error(run("new_model", {"--out", out, "--text", text, "--width", "100", "--heads", "3"}), 2,
               "--width is 100, expected a multiple of --heads, 3");
  expect_error(run("new_model", {"--out", out, "--text", text, "--heads", "4", "--kv-heads", "3"}), 2,
               "--heads is 4, expected a multiple of --kv-heads, 3");
  expect_error(
      run("new_model", {"--out", out, "--text", text, "--width", "1048576", "--heads", "4096", "--layers", "4096"}), 1,
      "[disk]");
  expect_error(run("new_model", {"--out", out, "--text", text, "--width", "36"}), 1,
               "head size is 9, expected a multiple of 8");
  expect_error(run("new_model", {"--out", out, "--text", text, "--vocab", "256"}), 2, "--vocab: '256'");
  expect_error(run("new_model", {"--out", out, "--tokenizer", tiny("qwen2_tied"), "--vocab", "300"}), 2, "--vocab");
  const std::string lines = folder.file("t.jsonl", "{\"text\": \"a\"}\n\n{\"story\": \"b\"}\n");
  expect_error(run("new_model", {"--out", out, "--text", lines}), 1, "line 3");
  expect_error(run("new_model", {"--out", out, "--text", folder.file("none.txt", "")}), 1,
               "none.txt: [new_model] the text is");
  EXPECT_FALSE(std::filesystem::exists(out));
  const Ran few = run("new_model", {"--out", out, "--text", text, "--vocab", "90000"});
  EXPECT_EQ(few.exit_code, 0) << few.err;
  EXPECT_NE(few.err.find("--vocab is 90000"), std::string::npos) << few.err;
  expect_error(run("new_model", {"--out", out, "--text", text}), 1, "holds model.safetensors");
  std::filesystem::create_directory(folder.path() / "foreign");
  folder.file("foreign/config.json", "{}");
  expect_error(run("new_model", {"--out", (folder.path() / "foreign").string(), "--text", text}), 1,
               "holds config.json");
  EXPECT_EQ(content_of(folder.path() / "foreign/config.json"), "{}");
}

}  // namespace
}  // namespace slm::test
