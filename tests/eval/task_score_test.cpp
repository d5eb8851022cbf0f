// SPDX-License-Identifier: Apache-2.0
// Tasks: what a file may hold; log-likelihoods against a pass over the whole text; scores against answers known before.
#include "slm/eval/task_score.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "slm/model/load.h"
#include "slm/runtime/generate.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_paths.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

TEST(Tasks, AreReadFromLines) {
  const TemporaryFolder folder;
  const std::vector<Task> tasks = read_tasks(folder.file("t.jsonl", R"({"prompt": "Q", "answer": "42", "kind": "sum"}

{"prompt": "Q", "choices": ["yes", "no"], "answer": "no", "more": 1}
{"prompt": "Q", "answers": ["a", "b"]}
)"));
  ASSERT_EQ(tasks.size(), 3u);
  EXPECT_EQ(tasks[0].kind, "sum");
  EXPECT_EQ(tasks[1].kind, "all");
  EXPECT_EQ(tasks[1].choices, (std::vector<std::string>{"yes", "no"}));
  EXPECT_EQ(tasks[2].answers, (std::vector<std::string>{"a", "b"}));
}

TEST(Tasks, RefusesWhatIsNone) {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& line, std::initializer_list<std::string_view> parts) {
    const std::filesystem::path file = folder.file("t.jsonl", "{\"prompt\": \"Q\", \"answer\": \"x\"}\n" + line);
    expect_error<FormatError>([&] { read_tasks(file); }, parts);
    expect_error<FormatError>([&] { read_tasks(file); }, {"t.jsonl", "line 2"});
  };
  refuses("[1]", {"a JSON object"});
  refuses("{", {"line 2"});
  refuses(R"({"answer": "x"})", {"prompt"});
  refuses(R"({"prompt": "", "answer": "x"})", {"the prompt is empty"});
  refuses(R"({"prompt": "Q"})", {"\"answer\""});
  refuses(R"({"prompt": "Q", "choices": ["x"], "answer": "x"})", {"one choice"});
  refuses(R"({"prompt": "Q", "choices": ["x", "y"], "answer": "z"})", {"\"z\"", "not one of the choices"});
  refuses(R"({"prompt": "Q", "choices": ["x", "x"], "answer": "x"})", {"\"x\" is there twice"});
  refuses(R"({"prompt": "Q", "choices": ["x", ""], "answer": "x"})", {"a choice is empty"});
  refuses(R"({"prompt": "Q", "choices": ["x", "y"], "answers": ["x", "y"]})", {"2 answers to choose"});
  refuses(R"({"prompt": "Q", "choices": ["x", 2], "answer": "x"})", {"choices"});
  expect_error<FormatError>([&] { read_tasks(folder.file("none.jsonl", "\n")); }, {"no tasks"});
  EXPECT_THROW(read_tasks(folder.path() / "nowhere"), IoError);
}

class TaskScores : public testing::Test {
 protected:
  Session session(int64_t context = 64) const { return Session(model_, {.context = context, .max_logit_rows = 3}); }
  /// Σ log p of the last `count` ids, in double, by one pass over all.
  double expected(const std::vector<int32_t>& ids, size_t count) const {
    Session whole = session();
    double sum = 0;
    whole.append(ids, [&](int64_t i, std::span<const float> logits) {
      const auto next = static_cast<size_t>(i + 1);
      if (next >= ids.size() || next < ids.size() - count) return;
      double normalizer = 0;
      const double most = static_cast<double>(*std::ranges::max_element(logits));
      for (const float z : logits) normalizer += std::exp(static_cast<double>(z) - most);
      sum += static_cast<double>(logits[static_cast<size_t>(ids[next])]) - most - std::log(normalizer);
    });
    return sum;
  }
  const Tokenizer tokenizer_ = Tokenizer::load(test::tiny_models() / "qwen2_tied");
  const std::shared_ptr<const Model> model_ = std::make_shared<const Model>(
      load_model(test::tiny_models() / "qwen2_tied", {.plan = {.weights = WeightScheme::F32}}));
};

TEST_F(TaskScores, LogLikelihoodIsThatOfOnePassOverTheWholeText) {
  const std::vector<std::string> choices = {" the river", " no", " the river rose in the night"};
  for (const std::string context : {"Question: is it high? Answer:", "Question: is it high? Answer:  ",
                                    "Question: is it high?\nAnswer:\n\t\u3000", "Q"}) {
    Session s = session();
    const auto [found, cut] = log_likelihoods(s, tokenizer_, context, choices);
    EXPECT_FALSE(cut);
    const std::string trimmed = context.substr(0, context.find_last_of(":Q") + 1);
    const size_t before = tokenizer_.encode(trimmed).size();
    for (size_t i = 0; i < choices.size(); ++i) {
      std::vector<int32_t> ids = tokenizer_.encode(context + choices[i]);
      std::vector<int32_t> joined = tokenizer_.encode(trimmed);  // the context keeps its own tokens
      joined.insert(joined.end(), ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end());
      EXPECT_NEAR(found[i], expected(joined, joined.size() - before), 1e-4) << context << choices[i];
    }
    EXPECT_EQ(s.length(), 0);
  }
}

TEST_F(TaskScores, ALongContextLosesItsBeginning) {
  std::string context;
  for (int i = 0; i < 30; ++i) context += "the water rose ";
  context += "so";
  const std::vector<std::string> choices = {" the bridge was closed", " no"};
  Session s = session(16);
  const auto [found, cut] = log_likelihoods(s, tokenizer_, context, choices);
  EXPECT_TRUE(cut);
  const std::vector<int32_t> before = tokenizer_.encode(context);
  for (size_t i = 0; i < choices.size(); ++i) {
    const std::vector<int32_t> all = tokenizer_.encode(context + choices[i]);
    const size_t count = all.size() - before.size();
    EXPECT_NEAR(found[i], expected({all.end() - 17, all.end()}, count), 1e-4) << choices[i];
  }
  EXPECT_THROW(log_likelihoods(s, tokenizer_, "so", std::vector<std::string>{context}), ArgumentError);
  EXPECT_THROW(log_likelihoods(s, tokenizer_, "  ", choices), ArgumentError);
  EXPECT_THROW(log_likelihoods(s, tokenizer_, "so", std::vector<std::string>{""}), ArgumentError);
}

TEST_F(TaskScores, CountRightChoicesAndAnswersByKind) {
  Session s = session();
  const std::string prompt = "Question: is the river high?\nAnswer:";
  const std::vector<std::string> choices = {"yes", "no, it is not, and it never was"};
  const std::vector<double> likelihoods =
      log_likelihoods(s, tokenizer_, prompt, std::vector<std::string>{" " + choices[0], " " + choices[1]}).sums;
  const size_t best = likelihoods[0] >= likelihoods[1] ? 0 : 1;
  const size_t normed = likelihoods[0] / 3 >= likelihoods[1] / static_cast<double>(choices[1].size()) ? 0 : 1;
  ASSERT_NE(best, normed) << "the two measures must differ for the test to tell them apart";
  s.truncate(0);
  const Generated free = generate(s, tokenizer_, tokenizer_.encode(prompt),
                                  {.max_tokens = 5, .stop_ids = tokenizer_.eos_ids(), .stop_strings = {"\n"}});
  const std::vector<Task> tasks = {
      {.kind = "choice", .prompt = prompt, .choices = choices, .answers = {choices[best]}},
      {.kind = "free", .prompt = prompt, .choices = {}, .answers = {"nothing like it", free.text}},
      {.kind = "choice", .prompt = prompt, .choices = choices, .answers = {choices[1 - best]}},
      {.kind = "choice", .prompt = prompt, .choices = choices, .answers = {choices[best]}},
      {.kind = "free", .prompt = prompt, .choices = {}, .answers = {"zzz"}}};
  const std::vector<TaskScore> scores = score_tasks(s, tokenizer_, tasks, {.max_tokens = 5});
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_EQ(scores[0].kind, "choice");
  EXPECT_EQ(scores[0].count(), 3);
  EXPECT_DOUBLE_EQ(scores[0].accuracy.mean(), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(scores[0].accuracy_normed.mean(), 1.0 / 3.0);
  EXPECT_EQ(scores[1].kind, "free");
  EXPECT_EQ(scores[1].count(), 2);
  EXPECT_DOUBLE_EQ(scores[1].exact_match.mean(), 0.5);
  EXPECT_DOUBLE_EQ(scores[1].f1.mean(), 0.5);
  std::vector<Task> mixed = tasks;
  mixed[1].kind = "choice";
  EXPECT_THROW(score_tasks(s, tokenizer_, mixed), ArgumentError);
}

}  // namespace
}  // namespace slm
