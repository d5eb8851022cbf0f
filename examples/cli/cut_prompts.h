// SPDX-License-Identifier: Apache-2.0
// Prompts of tasks that are longer than the context: what was measured is not what was asked.
#pragma once

#include <string>
#include <vector>

#include "slm/eval/task_score.h"

namespace slm {

/// Says on stderr of each kind how many prompts lost their beginning.
void warn_of_cut_prompts(const std::string& weights, const std::vector<TaskScore>& scores);

}  // namespace slm
