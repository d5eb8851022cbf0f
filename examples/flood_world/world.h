// SPDX-License-Identifier: Apache-2.0
// Flood world: the project's own small world in its users' domain. A report is drawn from a seed: rivers with gauges,
// levels and thresholds, a shelter, a road, a message. All of it is invented.
// Names are put together from three parts; a name belongs to one split only, so towns and rivers of the test are
// unseen.
// In: a split and a random stream.  Out: Report.  Next: questions.h.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "slm/core/rng.h"

namespace slm::flood_world {

enum class Split { Train, Valid, Test };
/// Throws ArgumentError that lists the names.
Split parse_split(std::string_view name);

/// A line of a report, by what it tells of; None is its head.
enum class Line { None, GaugeA, GaugeB, Shelter, Road, Help };
inline constexpr std::array kLines = {Line::GaugeA, Line::GaugeB, Line::Shelter, Line::Road, Line::Help};

struct Gauge {
  Line line;
  std::string river;  ///< "Arlen"
  std::string town;
  int level = 0;    ///< cm
  int warning = 0;  ///< cm, below `danger`
  int danger = 0;
  int change = 0;                                                   ///< cm an hour; never 0
  char letter() const { return line == Line::GaugeA ? 'A' : 'B'; }  ///< what questions call it
};
struct Shelter {
  std::string place;  ///< "the school in Harford"
  std::string town;
  int places = 0, taken = 0;
};
struct Road {
  std::string from, to;
  bool closed = false;
};
struct Message {
  std::string from;  ///< a town
  int count = 0;
  std::string things;  ///< "sandbags"
  std::string until;   ///< "18:30"
};

struct Report {
  int number = 0;
  std::string time;           ///< "06:30"
  std::vector<Gauge> gauges;  ///< two, of different rivers and towns
  Shelter shelter;
  Road road;
  Message message;
};

Report draw_report(Split split, Rng& rng);
/// So many different towns and rivers.
std::vector<std::string> draw_names(Split split, size_t count, Rng& rng);
/// The report as its readers get it, a text for each Line.
std::vector<std::string> lines_of(const Report& report);
/// The lines, each ended.
std::string text_of(const Report& report);

}  // namespace slm::flood_world
