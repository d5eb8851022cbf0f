// SPDX-License-Identifier: Apache-2.0
// Documents: what flood_world writes, a line of JSON each: a report with its questions to learn from, or one task.
// In: a split and a random stream.  Out: JsonDocument.  Next: main.cpp.
#pragma once

#include <cstdint>

#include "cli/program.h"
#include "flood_world/questions.h"

namespace slm::flood_world {

/// A report with `questions` questions of each kind, each round in a drawn order, as a document: text, or turns.
JsonDocument document_of(Split split, int64_t questions, bool as_turns, Rng& rng);
/// One question of the kind, to be scored; without the report the prompt is the question alone.
JsonDocument task_of(Split split, Kind kind, bool with_report, Rng& rng);

}  // namespace slm::flood_world
