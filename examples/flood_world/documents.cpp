// SPDX-License-Identifier: Apache-2.0
#include "flood_world/documents.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace slm::flood_world {

namespace {

/// One of each kind and a line to read back, in a drawn order.
std::vector<Question> draw_round(const Report& report, Rng& rng) {
  std::vector<Question> round = {read_back(report, kLines[rng.below(kLines.size())])};
  for (const Kind kind : kKinds) round.push_back(draw_question(report, kind, rng));
  rng.shuffle(round);
  return round;
}

/// As many that follow from one line.
std::vector<Question> draw_round_about(const Report& report, Line line, Rng& rng) {
  std::vector<Question> round = {read_back(report, line)};
  while (round.size() <= kKinds.size())
    if (Question question = draw_question(report, kKinds[rng.below(kKinds.size())], rng); question.line == line)
      round.push_back(std::move(question));
  rng.shuffle(round);
  return round;
}

/// The line; of a gauge both, to be told apart.
std::string excerpt_of(const Report& report, Line line) {
  const std::vector<std::string> lines = lines_of(report);
  const auto of = [&](Line one) { return lines[static_cast<size_t>(one)] + "\n"; };
  const bool of_gauge = line == Line::GaugeA || line == Line::GaugeB;
  return of_gauge ? of(Line::GaugeA) + of(Line::GaugeB) : of(line);
}

}  // namespace

JsonDocument document_of(Split split, const DocumentOptions& options, Rng& rng) {
  const Report report = draw_report(split, rng);
  const Line line = kLines[rng.below(kLines.size())];
  std::string text = options.excerpt ? excerpt_of(report, line) : text_of(report);
  JsonDocument turns = JsonDocument::array();
  for (int64_t i = 0; i < options.questions; ++i)
    for (const Question& question : options.excerpt ? draw_round_about(report, line, rng) : draw_round(report, rng)) {
      const std::string answer = fmt::format(" {}\n", question.answer);
      turns.push_back({{"prompt", (turns.empty() ? text : "") + prompt_of(question)}, {"completion", answer}});
      text += prompt_of(question) + answer;
    }
  if (options.as_turns) return {{"turns", turns}};
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
