// SPDX-License-Identifier: Apache-2.0
#include "flood_world/world.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "slm/core/error.h"

namespace slm::flood_world {
namespace {

using Parts = std::array<std::string_view, 20>;
using Middles = std::array<std::string_view, 10>;

constexpr Parts kTownBegins = {"Har", "Mill", "Stone", "Led",  "Oak", "Wil",  "Ash",  "Bram", "Cal", "Dun",
                               "Elm", "Fen",  "Gar",   "Holt", "Kel", "Lang", "Marl", "Nor",  "Pem", "Thorn"};
constexpr Middles kTownMiddles = {"ing", "er", "en", "le", "am", "is", "ow", "on", "ar", "el"};
constexpr Parts kTownEnds = {"ford",  "bury",  "bridge", "ton",   "ham",  "wick", "field", "mouth", "dale", "ley",
                             "stead", "worth", "by",     "combe", "gate", "hill", "mere",  "port",  "well", "cross"};
constexpr Parts kRiverBegins = {"Ar",  "Bre",  "Cor", "Der", "El", "Fal", "Gri", "Hal", "Ine", "Jor",
                                "Kin", "Lune", "Mor", "Nid", "Or", "Pel", "Ros", "Sev", "Tam", "Wyn"};
constexpr Middles kRiverMiddles = {"a", "e", "i", "o", "u", "ei", "oa", "au", "ia", "ou"};
constexpr Parts kRiverEnds = {"len", "nt", "ra",   "went", "der", "lo",   "ma",  "dow",  "sk",   "wyn",
                              "va",  "ne", "thel", "gar",  "bel", "mont", "ris", "tane", "wash", "zel"};
constexpr std::array<std::string_view, 6> kHouses = {"school",    "church",  "sports hall",
                                                     "town hall", "library", "theatre"};
constexpr std::array<std::string_view, 6> kThings = {"sandbags", "blankets", "pumps", "boats", "lamps", "tents"};

/// Of 20 × 10 × 20 names, those whose parts' sum is 0 modulo 5 are the test's, those with 1 the validation's. So every
/// two parts that touch do so in names of each split too: what a model knows of them says nothing against a name of the
/// test.
bool belongs(Split split, uint64_t parts) {
  const uint64_t residue = parts % 5;
  return split == Split::Test ? residue == 0 : split == Split::Valid ? residue == 1 : residue > 1;
}

std::string draw_name(Split split, Rng& rng, const Parts& begins, const Middles& middles, const Parts& ends) {
  for (;;) {
    const uint64_t begin = rng.below(begins.size()), middle = rng.below(middles.size()), end = rng.below(ends.size());
    if (belongs(split, begin + middle + end)) return fmt::format("{}{}{}", begins[begin], middles[middle], ends[end]);
  }
}

/// A name that is none of `taken`.
std::string draw_new(Split split, Rng& rng, const Parts& begins, const Middles& middles, const Parts& ends,
                     std::vector<std::string>& taken) {
  for (;;) {
    std::string name = draw_name(split, rng, begins, middles, ends);
    if (std::ranges::find(taken, name) != taken.end()) continue;
    taken.push_back(name);
    return name;
  }
}

int between(Rng& rng, int low, int high) {
  return low + static_cast<int>(rng.below(static_cast<uint64_t>(high - low + 1)));
}
std::string draw_time(Rng& rng) { return fmt::format("{:02}:{}0", between(rng, 0, 23), between(rng, 0, 5)); }
template <class Array>
std::string draw_of(Rng& rng, const Array& all) {
  return std::string(all[rng.below(all.size())]);
}

}  // namespace

Split parse_split(std::string_view name) {
  if (name == "train") return Split::Train;
  if (name == "valid") return Split::Valid;
  if (name == "test") return Split::Test;
  throw ArgumentError(fmt::format("[flood_world] \"{}\" is no split, expected one of: train valid test", name));
}

Report draw_report(Split split, Rng& rng) {
  std::vector<std::string> towns, rivers;
  const auto town = [&] { return draw_new(split, rng, kTownBegins, kTownMiddles, kTownEnds, towns); };
  const auto river = [&] { return draw_new(split, rng, kRiverBegins, kRiverMiddles, kRiverEnds, rivers); };
  Report report;
  report.number = between(rng, 1, 99);
  report.time = draw_time(rng);
  for (const Line line : {Line::GaugeA, Line::GaugeB}) {
    Gauge gauge{.line = line, .river = river(), .town = town()};
    gauge.warning = 10 * between(rng, 20, 60);
    gauge.danger = gauge.warning + 10 * between(rng, 3, 9);
    // Below the warning, between the levels, above the danger: each as often.
    const int where = between(rng, 0, 2);
    gauge.level = where == 0   ? gauge.warning - between(rng, 1, 60)
                  : where == 1 ? between(rng, gauge.warning + 1, gauge.danger - 1)
                               : gauge.danger + between(rng, 1, 60);
    gauge.change = between(rng, 1, 9) * (rng.below(2) == 0 ? 1 : -1);
    report.gauges.push_back(gauge);
  }
  report.shelter.town = town();
  report.shelter.place = fmt::format("the {} in {}", draw_of(rng, kHouses), report.shelter.town);
  report.shelter.places = 10 * between(rng, 2, 9);
  report.shelter.taken = between(rng, 1, report.shelter.places - 1);
  report.road = {.from = towns[rng.below(2)], .to = town(), .closed = rng.below(2) == 0};
  report.message = {
      .from = town(), .count = between(rng, 2, 60), .things = draw_of(rng, kThings), .until = draw_time(rng)};
  return report;
}

std::vector<std::string> draw_names(Split split, size_t count, Rng& rng) {
  std::vector<std::string> names;
  while (names.size() < count)
    rng.below(2) == 0 ? draw_new(split, rng, kTownBegins, kTownMiddles, kTownEnds, names)
                      : draw_new(split, rng, kRiverBegins, kRiverMiddles, kRiverEnds, names);
  return names;
}

std::vector<std::string> lines_of(const Report& r) {
  std::vector<std::string> lines = {fmt::format("Report {}, {}.", r.number, r.time)};
  for (const Gauge& g : r.gauges)
    lines.push_back(fmt::format(
        "Gauge {0} is on the {1} at {2}. Gauge {0} stands at {3} cm. Gauge {0} is {4} {5} cm an hour. Gauge {0} "
        "has its warning level at {6} cm. Gauge {0} has its danger level at {7} cm.",
        g.letter(), g.river, g.town, g.level, g.change > 0 ? "rising" : "falling", std::abs(g.change), g.warning,
        g.danger));
  lines.push_back(fmt::format("{} is a shelter with {} places, {} are taken.", "T" + r.shelter.place.substr(1),
                              r.shelter.places, r.shelter.taken));
  lines.push_back(
      fmt::format("The road from {} to {} is {}.", r.road.from, r.road.to, r.road.closed ? "closed" : "open"));
  lines.push_back(fmt::format("The town of {} asks for {} {} until {}.", r.message.from, r.message.count,
                              r.message.things, r.message.until));
  return lines;
}

std::string text_of(const Report& r) { return fmt::format("{}\n", fmt::join(lines_of(r), "\n")); }

}  // namespace slm::flood_world
