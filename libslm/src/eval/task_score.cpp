// SPDX-License-Identifier: Apache-2.0
#include "slm/eval/task_score.h"

#include <algorithm>

#include "slm/core/check.h"
#include "slm/core/parallel.h"
#include "slm/eval/answer.h"
#include "slm/kernels/vec/variants.h"
#include "slm/ops/cross_entropy.h"
#include "slm/runtime/generate.h"
#include "slm/text/utf8.h"

namespace slm {
namespace {

using Ids = std::vector<int32_t>;

size_t characters(std::string_view text) {
  size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(utf8_step(text).length);
  return count;
}

size_t first_largest(std::span<const double> values) {
  return static_cast<size_t>(std::ranges::max_element(values) - values.begin());
}

/// The last ids that a session has room for; what is asked of it comes after them.
std::span<const int32_t> last_of(const Ids& ids, int64_t room) {
  return std::span(ids).last(static_cast<size_t>(std::min(std::ssize(ids), room)));
}

void rank(Session& session, const Tokenizer& tokenizer, const Task& task, TaskScore& score) {
  std::vector<std::string> continuations;
  for (const std::string& choice : task.choices) continuations.push_back(" " + choice);
  auto [likelihoods, cut] = log_likelihoods(session, tokenizer, task.prompt, continuations);
  score.cut += cut ? 1 : 0;
  const auto right = static_cast<size_t>(std::ranges::find(task.choices, task.answers[0]) - task.choices.begin());
  const size_t best = first_largest(likelihoods);
  score.accuracy.add(best == right ? 1 : 0);
  for (size_t i = 0; i < likelihoods.size(); ++i)
    likelihoods[i] /= static_cast<double>(std::max<size_t>(1, characters(task.choices[i])));
  score.accuracy_normed.add(first_largest(likelihoods) == right ? 1 : 0);
}

void answer(Session& session, const Tokenizer& tokenizer, const Task& task, int64_t max_tokens, TaskScore& score) {
  session.truncate(0);
  const Ids prompt = tokenizer.encode(task.prompt, {.add_bos = tokenizer.add_bos()});
  const int64_t room = session.context() - max_tokens;
  score.cut += std::ssize(prompt) > room ? 1 : 0;
  const Generated generated = generate(session, tokenizer, last_of(prompt, room),
                                       {.max_tokens = max_tokens,
                                        .stop_ids = tokenizer.eos_ids(),
                                        .stop_strings = {"\n"},
                                        .sampler = {.temperature = 0}});
  score.exact_match.add(best_exact_match(generated.text, task.answers));
  score.f1.add(best_word_f1(generated.text, task.answers));
}

}  // namespace

LogLikelihoods log_likelihoods(Session& session, const Tokenizer& tokenizer, std::string_view context,
                               std::span<const std::string> continuations) {
  const std::string text(strip_end(context)), spaces(context.substr(text.size()));
  SLM_CHECK(!text.empty(), "[log_likelihood] the context is empty");
  const EncodeOptions how{.add_bos = tokenizer.add_bos()};
  const Ids before = tokenizer.encode(text, how);
  const kernels::VecVariant& vec = kernels::select(kernels::vec_variants());

  LogLikelihoods found;
  std::span<const int32_t> read;  // what the session holds of the context
  for (const std::string& continuation : continuations) {
    Ids ids = tokenizer.encode(text + spaces + continuation, how);
    SLM_CHECK(ids.size() > before.size(), "[log_likelihood] \"{}\" adds no token to its context", continuation);
    ids.erase(ids.begin(), ids.begin() + std::ssize(before));
    SLM_CHECK(std::ssize(ids) <= session.context(), "[log_likelihood] {} tokens, the session has a context of {}",
              ids.size(), session.context());
    const std::span<const int32_t> kept = last_of(before, session.context() - std::ssize(ids) + 1);
    found.cut = found.cut || kept.size() < before.size();
    if (read.data() != kept.data() || read.size() != kept.size()) {
      session.truncate(0);
      if (kept.size() > 1) session.append(kept.first(kept.size() - 1));
      read = kept;
    }
    session.truncate(std::ssize(kept) - 1);
    ids.insert(ids.begin(), kept.back());
    double sum = 0;
    session.append(std::span(ids).first(ids.size() - 1), [&](int64_t i, std::span<const float> logits) {
      sum -= cross_entropy(vec, logits, ids[static_cast<size_t>(i + 1)]);
    });
    found.sums.push_back(sum);
  }
  session.truncate(0);
  return found;
}

void check_tasks(const Tokenizer& tokenizer, std::span<const Task> tasks, int64_t context, const TaskOptions& options) {
  for (size_t i = 0; i < tasks.size(); ++i) {
    const auto same = std::ranges::find(tasks, tasks[i].kind, &Task::kind);
    SLM_CHECK(same->choices.empty() == tasks[i].choices.empty(),
              "[tasks] task {}: kind {} has both tasks with choices and without", i + 1, tasks[i].kind);
    int64_t longest = tasks[i].choices.empty() ? options.max_tokens : 0;
    for (const std::string& choice : tasks[i].choices)
      longest = std::max(longest, std::ssize(tokenizer.encode(" " + choice)));
    SLM_CHECK(longest < context, "[tasks] task {}: an answer of {} tokens, a context of {} leaves none for its prompt",
              i + 1, longest, context);
  }
}

std::vector<TaskScore> score_tasks(Session& session, const Tokenizer& tokenizer, std::span<const Task> tasks,
                                   const TaskOptions& options) {
  check_tasks(tokenizer, tasks, session.context(), options);
  std::vector<TaskScore> scores;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const Task& task = tasks[i];
    const bool ranked = !task.choices.empty();
    auto it = std::ranges::find(scores, task.kind, &TaskScore::kind);
    if (it == scores.end()) it = scores.insert(scores.end(), TaskScore{.kind = task.kind, .ranked = ranked});
    if (ranked)
      rank(session, tokenizer, task, *it);
    else
      answer(session, tokenizer, task, options.max_tokens, *it);
    report(options.progress, {task.kind, i + 1, tasks.size()});
  }
  return scores;
}

}  // namespace slm
