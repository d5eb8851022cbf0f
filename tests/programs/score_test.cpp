// SPDX-License-Identifier: Apache-2.0
// score as a user meets it: a table, the same numbers as JSON, and what it refuses.
#include <gtest/gtest.h>

#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

const std::string kTasks =
    R"({"kind": "height", "prompt": "Is it high?", "choices": ["yes", "no"], "answer": "yes"}
{"kind": "height", "prompt": "Is it low?", "choices": ["yes", "no"], "answer": "no"}
{"kind": "name", "prompt": "Which river?", "answer": "Arlen"}
)";

TEST(Score, CountsKindByKindUnderEachScheme) {
  const TemporaryFolder folder;
  const std::string tasks = folder.file("tasks.jsonl", kTasks).string();
  const nlohmann::json document =
      answer("score", tiny("qwen2_tied"), {"--tasks", tasks, "--weights", "f32,w4g32,w2g32", "--max-tokens", "4"});
  expect_keys(document, {"model", "tasks", "threads", "results"});
  ASSERT_EQ(document.at("results").size(), 3u);
  for (const nlohmann::json& result : document.at("results")) {
    expect_keys(result, {"weights", "packed_bytes", "seconds", "kinds"});
    ASSERT_EQ(result.at("kinds").size(), 2u);
    const nlohmann::json &ranked = result.at("kinds")[0], &generated = result.at("kinds")[1];
    EXPECT_EQ(ranked.at("kind"), "height");
    EXPECT_EQ(ranked.at("tasks"), 2);
    for (const char* key : {"acc", "acc_norm"}) {
      const double value = ranked.at(key);
      EXPECT_TRUE(value == 0 || value == 0.5 || value == 1) << value;
    }
    EXPECT_EQ(generated.at("kind"), "name");
    EXPECT_EQ(generated.at("exact_match"), 0) << "a model of random weights";
    EXPECT_TRUE(generated.contains("f1_stderr"));
  }
  const Ran table = run("score", {"--model", tiny("qwen2_tied"), "--tasks", tasks, "--limit", "1"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("height"), std::string::npos) << table.out;
  EXPECT_EQ(table.out.find("name"), std::string::npos) << table.out;
}

TEST(Score, NamesWhatIsWrong) {
  const TemporaryFolder folder;
  const std::string model = tiny("qwen2_tied"), tasks = folder.file("tasks.jsonl", kTasks + "{}\n").string();
  expect_error(run("score", {"--model", model, "--tasks", tasks}), 1, "tasks.jsonl: line 4");
  expect_error(run("score", {"--model", model, "--tasks", model + "/nothing"}), 1, "nothing");
  expect_error(run("score", {"--model", model, "--tasks", ""}), 2, "--tasks: '' is empty");
  expect_error(run("score", {"--model", model}), 2, "--tasks");
  const std::string right = folder.file("right.jsonl", kTasks).string();
  expect_error(run("score", {"--model", model, "--tasks", right, "--max-tokens", "100000"}), 1,
               "leaves none for its prompt");
}

TEST(Score, SaysWhichPromptsWereCut) {
  const TemporaryFolder folder;
  std::string longer(6000, 'x');
  const std::string tasks =
      folder.file("tasks.jsonl", kTasks + "{\"kind\": \"name\", \"prompt\": \"" + longer + "\", \"answer\": \"x\"}\n")
          .string();
  const Ran ran = run("score", {"--model", tiny("qwen2_tied"), "--tasks", tasks, "--max-tokens", "4", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const nlohmann::json kinds = ran.json().at("results")[0].at("kinds");
  EXPECT_EQ(kinds[0].at("cut"), 0);
  EXPECT_EQ(kinds[1].at("cut"), 1);
  EXPECT_TRUE(answer("score", tiny("qwen2_tied"), {"--tasks", tasks, "--limit", "1"})
                  .at("results")[0]
                  .at("kinds")[0]
                  .at("acc_stderr")
                  .is_null())
      << "of one task there is none";
  EXPECT_NE(ran.err.find("name: 1 of 2 prompts have no room"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace slm::test
