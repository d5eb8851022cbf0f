// SPDX-License-Identifier: Apache-2.0
// Scores of tasks: choices ranked by log-likelihood, free answers generated and compared, as lm-evaluation-harness does
// (Gao et al. 2021; docs/evaluation.md).
// In: a session, a tokenizer, tasks.  Out: means by kind.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slm/core/progress.h"
#include "slm/eval/running_mean.h"
#include "slm/eval/task.h"
#include "slm/runtime/session.h"
#include "slm/text/tokenizer.h"

namespace slm {

struct LogLikelihoods {
  std::vector<double> sums;  ///< of each continuation
  bool cut = false;          ///< the context lost its beginning for one of them
};

/// Σ log p of each continuation's tokens behind the context. Tokens as lm-evaluation-harness makes them: white space at
/// the context's end goes to the continuation; context and both together are encoded, the continuation's tokens are the
/// tail; BOS where the vocabulary adds one. What is longer than the session's context loses its beginning. The session
/// is emptied. Throws ArgumentError: an empty context or continuation, a continuation longer than the session's
/// context.
LogLikelihoods log_likelihoods(Session& session, const Tokenizer& tokenizer, std::string_view context,
                               std::span<const std::string> continuations);

struct TaskScore {
  std::string kind;
  bool ranked = false;
  RunningMean accuracy;         ///< ranked: of the choice of highest log-likelihood, the first of equals
  RunningMean accuracy_normed;  ///< ranked: the log-likelihood divided by the choice's characters
  RunningMean exact_match, f1;  ///< generated; both 0 to 1
  int64_t cut = 0;              ///< prompts that lost their beginning: the session's context has no room for them
  int64_t count() const { return ranked ? accuracy.count() : exact_match.count(); }
};

struct TaskOptions {
  int64_t max_tokens = 64;  ///< of a generated answer
  Progress progress{};
};

/// Throws ArgumentError that names the first task whose choices or longest answer fill a session of `context` tokens,
/// or that has choices where others of its kind have none.
void check_tasks(const Tokenizer& tokenizer, std::span<const Task> tasks, int64_t context, const TaskOptions& options);

/// A choice is a space and its text behind the prompt; a free answer is generated greedily up to a line end. Kinds in
/// the order of their first task. A prompt that leaves no room for its answer loses its beginning. Throws as
/// check_tasks and log_likelihoods.
std::vector<TaskScore> score_tasks(Session& session, const Tokenizer& tokenizer, std::span<const Task> tasks,
                                   const TaskOptions& options = {});

}  // namespace slm
