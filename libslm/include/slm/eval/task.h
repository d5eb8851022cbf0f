// SPDX-License-Identifier: Apache-2.0
// Tasks: what a model is asked, and what is right. A file of JSON lines
//   {"prompt": …, "choices": […], "answer": …, "kind": …}     ranked: the answer is one of the choices
//   {"prompt": …, "answer": … or "answers": […], "kind": …}   generated: up to a line end
// "kind" names the group it is counted in; without one all are one group. Other keys are let be.
// In: a file.  Out: tasks.  Next: task_score.h.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace slm {

struct Task {
  std::string kind, prompt;
  std::vector<std::string> choices;  ///< empty: the answer is generated
  std::vector<std::string> answers;  ///< at least one; of a ranked task exactly one, among the choices
};

/// Throws IoError; FormatError naming the line (no prompt or one of white space, no answer, an answer that is no
/// choice, more than one to choose, fewer than two choices, an empty one, two equal ones).
std::vector<Task> read_tasks(const std::filesystem::path& file);

}  // namespace slm
