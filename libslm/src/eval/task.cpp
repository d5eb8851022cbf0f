// SPDX-License-Identifier: Apache-2.0
#include "slm/eval/task.h"

#include <algorithm>

#include "slm/core/check.h"
#include "slm/io/json.h"
#include "slm/text/utf8.h"

namespace slm {
namespace {

Task task_of(const Json& json, const std::string& where) {
  if (!json.is_object()) throw FormatError(where, "[tasks] expected a JSON object");
  Task task{.kind = json_value<std::string>(json, "kind", "all", where),
            .prompt = json_require<std::string>(json, "prompt", where),
            .choices = json_value<std::vector<std::string>>(json, "choices", {}, where),
            .answers = json_value<std::vector<std::string>>(json, "answers", {}, where)};
  if (json.contains("answer"))
    task.answers.insert(task.answers.begin(), json_require<std::string>(json, "answer", where));
  if (strip(task.prompt).empty()) throw FormatError(where, "[tasks] the prompt is empty");
  if (task.answers.empty()) throw FormatError(where, "[tasks] expected \"answer\" or \"answers\"");
  if (task.choices.empty()) return task;
  if (task.choices.size() < 2) throw FormatError(where, "[tasks] one choice, expected two or more");
  if (task.answers.size() != 1)
    throw FormatError(where, fmt::format("[tasks] {} answers to choose, expected one", task.answers.size()));
  for (const std::string& choice : task.choices) {
    if (choice.empty()) throw FormatError(where, "[tasks] a choice is empty");
    if (std::ranges::count(task.choices, choice) != 1)
      throw FormatError(where, fmt::format("[tasks] the choice \"{}\" is there twice", choice));
  }
  if (std::ranges::find(task.choices, task.answers[0]) == task.choices.end())
    throw FormatError(where, fmt::format("[tasks] the answer \"{}\" is not one of the choices", task.answers[0]));
  return task;
}

}  // namespace

std::vector<Task> read_tasks(const std::filesystem::path& file) {
  std::vector<Task> tasks;
  for_json_lines(read_file(file), file.string(),
                 [&](const Json& json, const std::string& where) { tasks.push_back(task_of(json, where)); });
  if (tasks.empty()) throw FormatError(file.string(), "[tasks] the file has no tasks");
  return tasks;
}

}  // namespace slm
