// SPDX-License-Identifier: Apache-2.0
// score: how many tasks a model solves, kind by kind, under each way of holding its weights.
#include <fmt/format.h>

#include "cli/cut_prompts.h"
#include "cli/model_options.h"
#include "cli/option_values.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "score/report.h"
#include "slm/core/stopwatch.h"
#include "slm/eval/task_score.h"
#include "slm/model/load.h"

namespace {

constexpr const char* kTeaches =
    R"(Measures how many tasks a model solves, kind by kind, under each way of holding its weights. A file of tasks has a
JSON object in each line:
  {"prompt": …, "choices": […], "answer": …, "kind": …}    ranked: acc, the choice of highest log-likelihood; acc_norm,
                                                           the same for each character of it
  {"prompt": …, "answer": …, "kind": …}                    generated up to a line end: EM, equal words, and F1 over words
                                                           as SQuAD counts; "answers" has several right ones)";

std::string examples() {
  return slm::describe_weights() + R"(
Examples:
  score --model models/smollm2-135m --tasks boolq.jsonl --weights f32,w4g32
  flood_world --split test --form tasks --reports 250 --out tasks.jsonl && score --model student.gguf --tasks tasks.jsonl
JSON: {model, tasks, threads, results: [{weights, packed_bytes, seconds, kinds: [{kind, tasks, cut, acc, acc_stderr,
       acc_norm, acc_norm_stderr} or {kind, tasks, cut, exact_match, exact_match_stderr, f1, f1_stderr}]}]}; all from 0 to 1;
       cut: prompts that are longer than the context (the model's, at most 2,048 tokens) and lost their beginning)";
}

}  // namespace

int main(int argc, char** argv) {
  slm::Program program("score", kTeaches, examples());
  std::string model_path, tasks_path;
  std::vector<std::string> weights = {"as-is"};
  int64_t limit = 0;
  slm::TaskOptions options;
  slm::add_model_option(program.options(), model_path);
  program.options()
      .add_option("--tasks", tasks_path, "The file of tasks")
      ->required()
      ->check(slm::not_empty())
      ->type_name("FILE");
  slm::add_weights_option(program.options(), weights);
  slm::add_number(program.options(), "--limit", limit, "Only the first N tasks, 0 for all", slm::WholeRange{0});
  slm::add_number(program.options(), "--max-tokens", options.max_tokens, "Longest generated answer",
                  slm::WholeRange{1});

  return program.run(argc, argv, [&] {
    const slm::EndOnSignal no_half_table;
    std::vector<slm::Task> tasks = slm::read_tasks(tasks_path);
    if (limit > 0 && limit < std::ssize(tasks)) tasks.resize(static_cast<size_t>(limit));
    const slm::ModelFiles files = slm::ModelFiles::open(model_path);
    const slm::Tokenizer tokenizer = slm::load_tokenizer(model_path);

    slm::JsonDocument results = slm::JsonDocument::array();
    slm::Table table({"weights", "size", "kind", "tasks", "score", "stderr", "other", "stderr"});
    for (const std::string& scheme : weights) {
      const auto model = slm::load_model_showing(files, {.plan = slm::parse_weights(scheme)});
      const int64_t context = std::min<int64_t>(files.config().context, 2048);
      slm::Session session(model, {.context = context, .max_logit_rows = 64});
      slm::ProgressLine line(scheme);
      options.progress = line.callback();
      const slm::Stopwatch watch;
      const std::vector<slm::TaskScore> scores = slm::score_tasks(session, tokenizer, tasks, options);
      line.finish();
      slm::warn_of_cut_prompts(scheme, scores);
      results.push_back(slm::to_json(scheme, scores, *model, watch.seconds()));
      slm::add_rows(table, scheme, scores, *model);
    }
    if (program.json())
      return slm::print_json(
          {{"model", model_path}, {"tasks", tasks_path}, {"threads", program.threads()}, {"results", results}});
    fmt::print("{}, {}\n\n{}", model_path, slm::counted(std::ssize(tasks), "task"), table.text());
  });
}
