// SPDX-License-Identifier: Apache-2.0
#include "flood_world/documents.h"

#include <fmt/format.h>

#include <array>
#include <string>

namespace slm::flood_world {

JsonDocument document_of(Split split, int64_t questions, bool as_turns, Rng& rng) {
  const Report report = draw_report(split, rng);
  std::string text = text_of(report);
  JsonDocument turns = JsonDocument::array();
  for (int64_t i = 0; i < questions; ++i) {
    std::array<Kind, 4> order = kKinds;
    rng.shuffle(order);
    for (const Kind kind : order) {
      const Question question = draw_question(report, kind, rng);
      const std::string answer = fmt::format(" {}\n", question.answer);
      turns.push_back({{"prompt", (turns.empty() ? text : "") + prompt_of(question)}, {"completion", answer}});
      text += prompt_of(question) + answer;
    }
  }
  if (as_turns) return {{"turns", turns}};
  return {{"text", text}};
}

JsonDocument task_of(Split split, Kind kind, bool with_report, Rng& rng) {
  const Report report = draw_report(split, rng);
  const Question question = draw_question(report, kind, rng);
  const std::string text = text_of(report);
  return {{"kind", name(kind)},        {"report", text},
          {"question", question.text}, {"prompt", (with_report ? text : "") + prompt_of(question)},
          {"answer", question.answer}, {"choices", question.choices}};
}

}  // namespace slm::flood_world
