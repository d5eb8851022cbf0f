// SPDX-License-Identifier: Apache-2.0
// Questions over a report, four kinds, each with its answer: yes or no, one of two, a span of the report, small
// arithmetic.
// In: Report.  Out: questions.  Next: main.cpp writes them as text to learn and as tasks to be scored.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "flood_world/world.h"

namespace slm::flood_world {

enum class Kind { YesNo, Choice, Span, Arithmetic };
inline constexpr std::array kKinds = {Kind::YesNo, Kind::Choice, Kind::Span, Kind::Arithmetic};
std::string_view name(Kind kind);

struct Question {
  Kind kind;
  Line line;                         ///< whose words the answer follows from; None: from several
  std::string text;                  ///< "Is gauge A above its warning level?"
  std::string answer;                ///< "yes"
  std::vector<std::string> choices;  ///< of YesNo and Choice, the answer among them
};

/// One question of the kind, drawn; answers of YesNo (where the report has both) and the order of choices are balanced.
Question draw_question(const Report& report, Kind kind, Rng& rng);
/// A line of the report, asked for by its subject: to learn reading from, no task (the answer is long).
Question read_back(const Report& report, Line line);
/// All names of a list; the one behind a drawn one. No tasks either.
Question read_back(const std::vector<std::string>& names);
Question draw_question(const std::vector<std::string>& names, Rng& rng);
/// "Question: …\nAnswer:", what comes before the answer.
std::string prompt_of(const Question& question);

}  // namespace slm::flood_world
