// SPDX-License-Identifier: Apache-2.0
#include "flood_world/questions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

namespace slm::flood_world {
namespace {

Question yes_or_no(Line line, std::string text, bool yes) {
  return {.kind = Kind::YesNo,
          .line = line,
          .text = std::move(text),
          .answer = yes ? "yes" : "no",
          .choices = {"yes", "no"}};
}

std::vector<Question> yes_no_questions(const Report& r) {
  std::vector<Question> all = {
      yes_or_no(Line::Road, fmt::format("Is the road from {} to {} open?", r.road.from, r.road.to), !r.road.closed)};
  for (const Gauge& g : r.gauges) {
    all.push_back(
        yes_or_no(g.line, fmt::format("Is gauge {} above its warning level?", g.letter()), g.level > g.warning));
    all.push_back(
        yes_or_no(g.line, fmt::format("Is gauge {} above its danger level?", g.letter()), g.level > g.danger));
    all.push_back(yes_or_no(g.line, fmt::format("Is gauge {} rising?", g.letter()), g.change > 0));
  }
  return all;
}

/// One whose answer a coin asked for ("above its danger level" is more often no), where the report has one.
Question draw_yes_no(const Report& r, Rng& rng) {
  std::vector<Question> questions = yes_no_questions(r);
  const std::string wanted = rng.below(2) == 0 ? "yes" : "no";
  const auto others = std::ranges::stable_partition(questions, [&](const Question& q) { return q.answer == wanted; });
  if (others.begin() != questions.begin()) questions.erase(others.begin(), others.end());
  return questions[rng.below(questions.size())];
}

Question choice(Line line, std::string text, const std::string& right, const std::string& wrong, Rng& rng) {
  const bool first = rng.below(2) == 0;
  const std::string one = first ? right : wrong, other = first ? wrong : right;
  return {.kind = Kind::Choice,
          .line = line,
          .text = fmt::format("{}, {} or {}?", text, one, other),
          .answer = right,
          .choices = {one, other}};
}

Question draw_choice(const Report& r, Rng& rng) {
  const Gauge &a = r.gauges[0], &b = r.gauges[1];
  switch (rng.below(3)) {
    case 0:
      if (a.level != b.level)
        return choice(Line::None, "Which river stands higher", a.level > b.level ? a.river : b.river,
                      a.level > b.level ? b.river : a.river, rng);
      [[fallthrough]];
    case 1:
      return choice(Line::Shelter, "Where is the shelter", r.shelter.town, r.gauges[rng.below(2)].town, rng);
    default:
      return choice(Line::Help, "Who asks for help", r.message.from, r.gauges[rng.below(2)].town, rng);
  }
}

Question span(Line line, std::string text, std::string answer) {
  return {.kind = Kind::Span, .line = line, .text = std::move(text), .answer = std::move(answer), .choices = {}};
}

Question draw_span(const Report& r, Rng& rng) {
  const Gauge& g = r.gauges[rng.below(2)];
  switch (rng.below(5)) {
    case 0:
      return span(Line::Shelter, "Which place is a shelter?", r.shelter.place);
    case 1:
      return span(Line::Help, fmt::format("What does {} ask for?", r.message.from),
                  fmt::format("{} {}", r.message.count, r.message.things));
    case 2:
      return span(Line::Help, fmt::format("Until when does {} need help?", r.message.from), r.message.until);
    case 3:
      return span(g.line, fmt::format("Which river has gauge {}?", g.letter()), g.river);
    default:
      return span(g.line, fmt::format("At what level is gauge {}?", g.letter()), fmt::format("{} cm", g.level));
  }
}

Question number(Line line, std::string text, int answer, std::string_view unit) {
  return {.kind = Kind::Arithmetic,
          .line = line,
          .text = std::move(text),
          .answer = unit.empty() ? std::to_string(answer) : fmt::format("{} {}", answer, unit),
          .choices = {}};
}

Question draw_arithmetic(const Report& r, Rng& rng) {
  const Gauge& g = r.gauges[rng.below(2)];
  switch (rng.below(3)) {
    case 0:
      return number(Line::Shelter, "How many places of the shelter are free?", r.shelter.places - r.shelter.taken, "");
    case 1:
      return number(g.line, fmt::format("At what level is gauge {} in an hour?", g.letter()), g.level + g.change, "cm");
    default:
      return number(g.line, fmt::format("How far is gauge {} from its danger level?", g.letter()),
                    std::abs(g.danger - g.level), "cm");
  }
}

}  // namespace

Question read_back(const Report& report, Line line) {
  static constexpr std::array<std::string_view, 5> kSubjects = {"gauge A", "gauge B", "the shelter", "the road",
                                                                "help"};
  const auto i = static_cast<size_t>(line);
  return span(line, fmt::format("What does the report say of {}?", kSubjects.at(i - 1)), lines_of(report).at(i));
}

Question read_back(const std::vector<std::string>& names) {
  return span(Line::None, "Which names are there?", fmt::format("{}", fmt::join(names, ", ")));
}

Question draw_question(const std::vector<std::string>& names, Rng& rng) {
  const size_t i = rng.below(names.size() - 1);
  return span(Line::None, fmt::format("Which name comes after {}?", names[i]), names[i + 1]);
}

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::YesNo:
      return "yes_no";
    case Kind::Choice:
      return "choice";
    case Kind::Span:
      return "span";
    case Kind::Arithmetic:
      return "arithmetic";
  }
  return "?";
}

Question draw_question(const Report& report, Kind kind, Rng& rng) {
  switch (kind) {
    case Kind::YesNo:
      return draw_yes_no(report, rng);
    case Kind::Choice:
      return draw_choice(report, rng);
    case Kind::Span:
      return draw_span(report, rng);
    case Kind::Arithmetic:
      break;
  }
  return draw_arithmetic(report, rng);
}

std::string prompt_of(const Question& question) { return fmt::format("Question: {}\nAnswer:", question.text); }

}  // namespace slm::flood_world
