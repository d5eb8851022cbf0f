// SPDX-License-Identifier: Apache-2.0
// Questions over a report, four kinds, each with its answer: yes or no, one of two, a span of the report, small arithmetic.
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
  std::string text;                  ///< "Is the Arlen at Harford above its warning level?"
  std::string answer;                ///< "yes"
  std::vector<std::string> choices;  ///< of YesNo and Choice, the answer among them
};

/// One question of the kind, drawn; answers of YesNo and the order of choices are balanced.
Question draw_question(const Report& report, Kind kind, Rng& rng);
/// "Question: …\nAnswer:", what comes before the answer.
std::string prompt_of(const Question& question);

}  // namespace slm::flood_world
