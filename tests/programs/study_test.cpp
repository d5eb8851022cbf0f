// SPDX-License-Identifier: Apache-2.0
// study on a tiny model: its rows, its files, and that equal rows of equal seeds are equal.
#include <gtest/gtest.h>

#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class StudyProgram : public testing::Test {
 protected:
  Words words(const std::string& out, const Words& rest = {}) const {
    Words all = {"--student", tiny("qwen2_tied"),
                 "--teacher", tiny("qwen2_untied"),
                 "--train",   text_,
                 "--valid",   text_,
                 "--tasks",   tasks_,
                 "--out",     (folder_.path() / out).string(),
                 "--steps",   "12",
                 "--batch",   "2",
                 "--seq",     "32",
                 "--threads", "1",
                 "--lr",      "2e-3"};
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }
  static std::string story() {
    std::string text;
    for (int i = 0; i < 40; ++i) text += "On day " + std::to_string(i) + " the river stood at the bridge.\n";
    return text;
  }
  TemporaryFolder folder_;
  const std::string text_ = folder_.file("story.txt", story());
  const std::string tasks_ = folder_.file(
      "tasks.jsonl",
      "{\"kind\": \"yes_no\", \"prompt\": \"Is it high?\", \"choices\": [\"yes\", \"no\"], \"answer\": \"yes\"}\n"
      "{\"kind\": \"span\", \"prompt\": \"Where?\", \"answer\": \"bridge\"}\n");
};

TEST_F(StudyProgram, ComparesTheFourMethodsAtEachWidth) {
  const Ran ran = run("study", words("a", {"--schemes", "w8g32,w2g32", "--json"}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const nlohmann::json document = ran.json();
  std::vector<std::string> rows;
  const nlohmann::json found = document.at("runs").at(0).at("rows");
  for (const nlohmann::json& row : found) {
    rows.push_back(row.at("method").get<std::string>() + " " + row.at("weights").get<std::string>());
    expect_keys(row, {"bits", "stored_bits", "perplexity", "quality", "kinds", "packed_bytes", "memory_bytes",
                      "ms_per_token", "train_seconds"});
    EXPECT_GT(row.at("perplexity"), 1.0);
    expect_keys(row.at("kinds"), {"yes_no", "span"});
  }
  EXPECT_EQ(rows,
            (Words{"FP32 f32", "PTQ w8g32", "QAT w8g32", "QAT+KD w8g32", "PTQ w2g32", "QAT w2g32", "QAT+KD w2g32"}));
  const auto perplexity = [&](size_t row) { return found[row].at("perplexity").get<double>(); };
  EXPECT_NEAR(perplexity(1), perplexity(0), 0.05 * perplexity(0)) << "8 bits cost little";
  EXPECT_LT(perplexity(5), 0.8 * perplexity(4)) << "of 2 bits QAT gives much back";
  for (const char* file : {"study.md", "study.json", "study.svg"})
    EXPECT_NE(content_of(folder_.path() / "a" / file), "") << file;
  EXPECT_NE(content_of(folder_.path() / "a/study.svg").find("</svg>"), std::string::npos);

  answer("infer", (folder_.path() / "a/w2g32.gguf").string(), {"--raw", "--prompt", "On day", "-n", "4"});

  const Ran twice = run("study", words("b", {"--schemes", "w8g32", "--runs", "2"}));
  ASSERT_EQ(twice.exit_code, 0) << twice.err;
  EXPECT_NE(twice.out.find(" ± "), std::string::npos) << twice.out;
  const nlohmann::json runs = nlohmann::json::parse(content_of(folder_.path() / "b/study.json")).at("runs");
  ASSERT_EQ(runs.size(), 2u);
  for (size_t row = 0; row < 4; ++row) {
    EXPECT_EQ(runs[0].at("rows")[row].at("perplexity"), perplexity(row)) << "the same seed, the same numbers";
    EXPECT_NE(runs[1].at("rows")[row].at("perplexity"), perplexity(row)) << "another seed, others";
  }
  const nlohmann::json alone =
      run("study", words("c", {"--schemes", "w8g32", "--seed", "1", "--json"})).json().at("runs").at(0);
  EXPECT_EQ(alone.at("seed"), runs[1].at("seed"));
  for (size_t row = 0; row < 4; ++row)
    EXPECT_EQ(alone.at("rows")[row].at("perplexity"), runs[1].at("rows")[row].at("perplexity"))
        << "a run does not depend on those before it";
}

TEST_F(StudyProgram, KeepsTheRunsThatWereDone) {
  Process process("study", words("a", {"--schemes", "w8g32", "--runs", "1000"}), {});
  const fs::path json = folder_.path() / "a/study.json";
  ASSERT_TRUE(process.wait_until([&] { return fs::exists(json); })) << process.err();
  process.interrupt(SIGTERM);
  EXPECT_EQ(process.wait().exit_code, 128 + SIGTERM);
  EXPECT_GE(nlohmann::json::parse(content_of(json)).at("runs").size(), 1u);
  for (const char* file : {"study.md", "study.svg"}) EXPECT_NE(content_of(folder_.path() / "a" / file), "") << file;
  EXPECT_GE(std::ranges::count(content_of(folder_.path() / "a/rows.jsonl"), '\n'), 4);
  expect_error(run("study", words("a")), 1, "holds study.json of another study");
  fs::remove(json);  // as where it was ended in its first run
  expect_error(run("study", words("a")), 1, "holds rows.jsonl of another study");
}

TEST_F(StudyProgram, TellsOfTiesAndSpreadsThem) {
  const std::string on_a_grid = (folder_.path() / "q4.gguf").string();
  ASSERT_EQ(run("quantize", {"--model", tiny("qwen2_tied"), "--scheme", "w4g32", "--out", on_a_grid}).exit_code, 0);
  const auto said = [&](const Words& rest) {
    Words all = words("of_" + std::to_string(rest.size()), {"--schemes", "w3g32"});
    all[1] = on_a_grid;
    all.insert(all.end(), rest.begin(), rest.end());
    const Ran ran = run("study", all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.err;
  };
  EXPECT_NE(said({}).find("halfway between two codes of w3g32"), std::string::npos);
  EXPECT_EQ(said({"--dither", "1"}).find("halfway"), std::string::npos);
}

TEST_F(StudyProgram, NamesWhatIsWrongBeforeItTrains) {
  expect_error(run("study", words("a", {"--schemes", "w5x"})), 2, "w5x");
  for (const char* schemes : {"as-is", "w8g32,as-is"}) {
    const Ran no_scheme = run("study", words("a", {"--schemes", schemes}));
    expect_error(no_scheme, 2, "--schemes: [scheme] 'as-is' is no weight scheme");
  }
  expect_error(run("study", words("a", {"--schemes", "w8g32,"})), 2, "--schemes: 'w8g32,' has an empty word");
  const Ran wide = run("study", words("a", {"--schemes", "w8g32,w4g128"}));
  expect_error(wide, 1, "w4g128");
  EXPECT_EQ(wide.err.find("FP32"), std::string::npos) << "something was trained: " << wide.err;
  Words too_long = words("a");
  *(std::ranges::find(too_long, "--seq") + 1) = "1200";
  expect_error(run("study", too_long), 1, "--seq is 1200, the student has a context of ");
  Words other = words("a");
  other[3] = tiny("llama_tied");
  expect_error(run("study", other), 1, "expected one vocabulary");
  expect_error(run("study", words("/proc/self/task")), 1, "/proc/self/task");
  expect_error(run("study", words("a", {"--schemes", "w4g32,w4g32"})), 2, "--schemes: 'w4g32' is there twice");
  other = words("a");
  other[9] = folder_.file("long.jsonl", "{\"prompt\": \"Q\", \"choices\": [\"a\", \"" + std::string(9000, 'x') +
                                            "\"], \"answer\": \"a\"}\n");
  const Ran too_long_choice = run("study", other);
  expect_error(too_long_choice, 1, "[tasks] task 1: an answer of ");
  EXPECT_EQ(too_long_choice.err.find("FP32"), std::string::npos) << too_long_choice.err;
  other[9] = folder_.file("mixed.jsonl",
                          "{\"prompt\": \"Q\", \"choices\": [\"a\", \"b\"], \"answer\": \"a\"}\n"
                          "{\"prompt\": \"Q\", \"answer\": \"a\"}\n");
  const Ran mixed = run("study", other);
  expect_error(mixed, 1, "[tasks] task 2: kind all has both");
  EXPECT_EQ(mixed.err.find("FP32"), std::string::npos) << mixed.err;
  other[9] = folder_.file("blank.jsonl", "{\"prompt\": \" \\n\", \"choices\": [\"a\", \"b\"], \"answer\": \"a\"}\n");
  expect_error(run("study", other), 1, "the prompt is empty");
  other = words("a");
  other[9] = tiny("qwen2_tied");
  expect_error(run("study", other), 1, "qwen2_tied");
}

}  // namespace
}  // namespace slm::test
