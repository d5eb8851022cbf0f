// SPDX-License-Identifier: Apache-2.0
#include "cli/cut_prompts.h"

#include "cli/terminal.h"

namespace slm {

void warn_of_cut_prompts(const std::string& weights, const std::vector<TaskScore>& scores) {
  for (const TaskScore& kind : scores)
    if (kind.cut > 0)
      tell("warning: {} {}: {} of {} prompts have no room in the context and lost their beginning\n", weights,
           one_line(kind.kind), kind.cut, kind.count());
}

}  // namespace slm
