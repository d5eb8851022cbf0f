// SPDX-License-Identifier: Apache-2.0
// Documents: what flood_world writes, a line of JSON each: a report with its questions to learn from, or one task.
// In: a split and a random stream.  Out: JsonDocument.  Next: main.cpp.
#pragma once

#include <cstdint>
#include <string_view>

#include "cli/program.h"
#include "flood_world/questions.h"

namespace slm::flood_world {

/// What a document to learn from tells of.
enum class About {
  Reports,
  Excerpts,  ///< a drawn line of a report (or both gauges), with questions about it alone
  Names,     ///< a list of names to read back: how to copy words never seen before
};
/// "reports", "excerpts", "names". Throws ArgumentError that lists them.
About parse_about(std::string_view name);

struct DocumentOptions {
  About about = About::Reports;
  int64_t questions = 1;  ///< rounds: of each kind one, and a line of the report, in a drawn order; or as many others
  bool as_turns = false;  ///< else one text
};
JsonDocument document_of(Split split, const DocumentOptions& options, Rng& rng);
/// One question of the kind, to be scored; without the report the prompt is the question alone.
JsonDocument task_of(Split split, Kind kind, bool with_report, Rng& rng);

}  // namespace slm::flood_world
