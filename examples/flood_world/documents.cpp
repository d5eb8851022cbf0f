// SPDX-License-Identifier: Apache-2.0
#include "flood_world/documents.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "slm/core/error.h"

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

struct Draft {
  std::string text;
  std::vector<Question> questions;
};

Draft draft_of_report(Split split, const DocumentOptions& options, Rng& rng) {
  const Report report = draw_report(split, rng);
  const Line line = kLines[rng.below(kLines.size())];
  const bool excerpt = options.about == About::Excerpts;
  Draft draft{.text = excerpt ? excerpt_of(report, line) : text_of(report), .questions = {}};
  for (int64_t i = 0; i < options.questions; ++i)
    for (Question& question : excerpt ? draw_round_about(report, line, rng) : draw_round(report, rng))
      draft.questions.push_back(std::move(question));
  return draft;
}

Draft draft_of_names(Split split, int64_t rounds, Rng& rng) {
  const std::vector<std::string> names = draw_names(split, 3 + rng.below(10), rng);
  Draft draft{.text = fmt::format("Names: {}.\n", fmt::join(names, ", ")), .questions = {read_back(names)}};
  for (int64_t i = 0; i < 3 * rounds; ++i) draft.questions.push_back(draw_question(names, rng));
  return draft;
}

}  // namespace

About parse_about(std::string_view name) {
  if (name == "reports") return About::Reports;
  if (name == "excerpts") return About::Excerpts;
  if (name == "names") return About::Names;
  throw ArgumentError(
      fmt::format("[flood_world] \"{}\" is nothing to tell of, expected one of: reports excerpts names", name));
}

JsonDocument document_of(Split split, const DocumentOptions& options, Rng& rng) {
  const Draft draft = options.about == About::Names ? draft_of_names(split, options.questions, rng)
                                                    : draft_of_report(split, options, rng);
  std::string text = draft.text;
  JsonDocument turns = JsonDocument::array();
  for (const Question& question : draft.questions) {
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
