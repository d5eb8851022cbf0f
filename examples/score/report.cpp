// SPDX-License-Identifier: Apache-2.0
#include "score/report.h"

#include <fmt/format.h>

namespace slm {
namespace {

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

}  // namespace

JsonDocument to_json(const std::string& weights, const std::vector<TaskScore>& scores, const Model& model,
                     double seconds) {
  JsonDocument kinds = JsonDocument::array();
  for (const TaskScore& s : scores) {
    JsonDocument kind = {{"kind", s.kind}, {"tasks", s.count()}, {"cut", s.cut}};
    const auto add = [&](const std::string& name, const RunningMean& mean) {
      kind[name] = mean.mean();
      kind[name + "_stderr"] = or_null(mean.standard_error());
    };
    if (s.ranked)
      add("acc", s.accuracy), add("acc_norm", s.accuracy_normed);
    else
      add("exact_match", s.exact_match), add("f1", s.f1);
    kinds.push_back(kind);
  }
  return {{"weights", weights}, {"packed_bytes", model.packed_bytes}, {"seconds", seconds}, {"kinds", kinds}};
}

void add_rows(Table& table, const std::string& weights, const std::vector<TaskScore>& scores, const Model& model) {
  for (const TaskScore& s : scores) {
    const RunningMean &first = s.ranked ? s.accuracy : s.exact_match, &second = s.ranked ? s.accuracy_normed : s.f1;
    const auto error = [](const RunningMean& mean) {
      const std::optional<double> share = mean.standard_error();
      return share ? "± " + percent(*share) : "–";
    };
    table.add({weights, megabytes(model.packed_bytes), one_line(s.kind), std::to_string(s.count()),
               fmt::format("{} {}", s.ranked ? "acc" : "EM", percent(first.mean())), error(first),
               fmt::format("{} {}", s.ranked ? "acc_norm" : "F1", percent(second.mean())), error(second)});
  }
}

}  // namespace slm
