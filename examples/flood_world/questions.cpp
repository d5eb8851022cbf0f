// SPDX-License-Identifier: Apache-2.0
#include "flood_world/questions.h"

#include <fmt/format.h>

#include <cstdlib>

namespace slm::flood_world {
namespace {

std::string at(const Gauge& g) { return fmt::format("the {} at {}", g.river, g.town); }
Question yes_or_no(std::string text, bool yes) {
  return {.kind = Kind::YesNo, .text = std::move(text), .answer = yes ? "yes" : "no", .choices = {"yes", "no"}};
}

Question draw_yes_no(const Report& r, Rng& rng) {
  const Gauge& g = r.gauges[rng.below(2)];
  switch (rng.below(4)) {
    case 0:
      return yes_or_no(fmt::format("Is {} above its warning level?", at(g)), g.level > g.warning);
    case 1:
      return yes_or_no(fmt::format("Is {} above its danger level?", at(g)), g.level > g.danger);
    case 2: {
      const bool asks_rise = rng.below(2) == 0;
      return yes_or_no(fmt::format("Does {} {}?", at(g), asks_rise ? "rise" : "fall"), (g.change > 0) == asks_rise);
    }
    default: {
      const bool asks_open = rng.below(2) == 0;
      return yes_or_no(
          fmt::format("Is the road from {} to {} {}?", r.road.from, r.road.to, asks_open ? "open" : "closed"),
          r.road.closed != asks_open);
    }
  }
}

Question choice(std::string text, const std::string& right, const std::string& wrong, Rng& rng) {
  const bool first = rng.below(2) == 0;
  const std::string one = first ? right : wrong, other = first ? wrong : right;
  return {.kind = Kind::Choice,
          .text = fmt::format("{}, {} or {}?", text, one, other),
          .answer = right,
          .choices = {one, other}};
}

Question draw_choice(const Report& r, Rng& rng) {
  const Gauge &a = r.gauges[0], &b = r.gauges[1];
  switch (rng.below(3)) {
    case 0:
      if (a.level != b.level)
        return choice("Which stands higher", a.level > b.level ? a.river : b.river,
                      a.level > b.level ? b.river : a.river, rng);
      [[fallthrough]];
    case 1:
      return choice("Where is the shelter", r.shelter.town, r.gauges[rng.below(2)].town, rng);
    default:
      return choice("Who asks for help", r.message.from, r.gauges[rng.below(2)].town, rng);
  }
}

Question span(std::string text, std::string answer) {
  return {.kind = Kind::Span, .text = std::move(text), .answer = std::move(answer), .choices = {}};
}

Question draw_span(const Report& r, Rng& rng) {
  const Gauge& g = r.gauges[rng.below(2)];
  switch (rng.below(5)) {
    case 0:
      return span("Which place is a shelter?", r.shelter.place);
    case 1:
      return span(fmt::format("What does {} ask for?", r.message.from),
                  fmt::format("{} {}", r.message.count, r.message.things));
    case 2:
      return span(fmt::format("Until when does {} need help?", r.message.from), r.message.until);
    case 3:
      return span(fmt::format("Which river is measured at {}?", g.town), g.river);
    default:
      return span(fmt::format("At what level stands {}?", at(g)), fmt::format("{} cm", g.level));
  }
}

Question number(std::string text, int answer, std::string_view unit) {
  return {.kind = Kind::Arithmetic,
          .text = std::move(text),
          .answer = unit.empty() ? std::to_string(answer) : fmt::format("{} {}", answer, unit),
          .choices = {}};
}

Question draw_arithmetic(const Report& r, Rng& rng) {
  const Gauge& g = r.gauges[rng.below(2)];
  switch (rng.below(3)) {
    case 0:
      return number("How many places of the shelter are free?", r.shelter.places - r.shelter.taken, "");
    case 1:
      return number(fmt::format("Where will {} stand in an hour?", at(g)), g.level + g.change, "cm");
    default:
      return number(fmt::format("How far is {} from its danger level?", at(g)), std::abs(g.danger - g.level), "cm");
  }
}

}  // namespace

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
    case Kind::YesNo: {
      // Drawn until the answer is the one a coin asked for: "above its danger level" is more often no.
      const std::string wanted = rng.below(2) == 0 ? "yes" : "no";
      for (;;)
        if (Question question = draw_yes_no(report, rng); question.answer == wanted) return question;
    }
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
