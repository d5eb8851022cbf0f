// SPDX-License-Identifier: Apache-2.0
// Documents: what flood_world writes, a line of JSON each: a report with its questions to learn from, or one task.
// In: a split and a random stream.  Out: JsonDocument.  Next: main.cpp.
#pragma once

#include <cstdint>

#include "cli/program.h"
#include "flood_world/questions.h"

namespace slm::flood_world {

struct DocumentOptions {
  int64_t questions = 1;  ///< rounds: of each kind one, and a line of the report, in a drawn order
  bool as_turns = false;  ///< else one text
  bool excerpt =
      false;  ///< a drawn line (or both gauges) instead of the report, and rounds as long of questions about it
};
/// A report with its questions.
JsonDocument document_of(Split split, const DocumentOptions& options, Rng& rng);
/// One question of the kind, to be scored; without the report the prompt is the question alone.
JsonDocument task_of(Split split, Kind kind, bool with_report, Rng& rng);

}  // namespace slm::flood_world
