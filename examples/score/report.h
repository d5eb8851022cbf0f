// SPDX-License-Identifier: Apache-2.0
// What score says of one way of holding a model's weights.
#pragma once

#include <string>
#include <vector>

#include "cli/program.h"
#include "cli/terminal.h"
#include "slm/eval/task_score.h"
#include "slm/model/load.h"

namespace slm {

JsonDocument to_json(const std::string& weights, const std::vector<TaskScore>& scores, const Model& model,
                     double seconds);
/// A row for each kind: of ranked ones acc and acc_norm, of generated ones EM and F1.
void add_rows(Table& table, const std::string& weights, const std::vector<TaskScore>& scores, const Model& model);

}  // namespace slm
