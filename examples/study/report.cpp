// SPDX-License-Identifier: Apache-2.0
#include "study/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/standard_error.h"
#include "cli/terminal.h"

namespace slm {
namespace {

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }
std::string bits(double value) { return fmt::format("{:g}", value); }

// Of the plot, in SVG's units.
constexpr double kWidth = 640, kHeight = 400, kLeft = 70, kRight = 120, kTop = 40, kBottom = 60;

struct Line {
  const char* method;
  const char* colour;
};
constexpr Line kLines[] = {{"PTQ", "#c0392b"}, {"QAT", "#2980b9"}, {"QAT+KD", "#27ae60"}};

/// A number of row r, over all runs.
template <class Value>
RunningMean over(const std::vector<StudyRun>& runs, size_t r, Value value) {
  RunningMean mean;
  for (const StudyRun& run : runs) mean.add(value(run.rows[r]));
  return mean;
}

std::string text(double x, double y, const std::string& words, const char* anchor = "middle") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor, words);
}

}  // namespace

JsonDocument as_json(const StudyRow& row) {
  JsonDocument kinds = JsonDocument::object();
  for (const TaskScore& kind : row.kinds) {
    if (kind.ranked)
      kinds[kind.kind] = {{"tasks", kind.count()},
                          {"cut", kind.cut},
                          {"acc", kind.accuracy.mean()},
                          {"acc_stderr", or_null(kind.accuracy.standard_error())}};
    else
      kinds[kind.kind] = {{"tasks", kind.count()},
                          {"cut", kind.cut},
                          {"exact_match", kind.exact_match.mean()},
                          {"f1", kind.f1.mean()},
                          {"f1_stderr", or_null(kind.f1.standard_error())}};
  }
  return {{"method", row.method},
          {"weights", row.scheme},
          {"bits", row.bits},
          {"stored_bits", row.stored_bits},
          {"perplexity", row.perplexity},
          {"quality", row.quality()},
          {"kinds", kinds},
          {"packed_bytes", row.packed_bytes},
          {"memory_bytes", row.memory_bytes},
          {"ms_per_token", row.ms_per_token},
          {"train_seconds", row.train_seconds}};
}

std::string as_table(const std::vector<StudyRun>& runs) {
  const std::vector<StudyRow>& rows = runs.front().rows;
  std::vector<std::string> header = {"method", "weights", "bits", "perplexity"};
  for (const TaskScore& kind : rows.front().kinds) {
    header.push_back(kind.kind);
    if (!kind.ranked) header.push_back("EM");
  }
  header.insert(header.end(), {"size", "ms/token", "weights + cache"});
  Table table(header);
  for (size_t r = 0; r < rows.size(); ++r) {
    const StudyRow& row = rows[r];
    const auto cell = [&](auto value, const char* unit, int digits, std::optional<double> error_of_one_run = {}) {
      const RunningMean mean = over(runs, r, value);
      const std::optional<double> spread =
          runs.size() > 1 ? std::optional(mean.standard_deviation()) : error_of_one_run;
      return with_error(mean.mean(), spread, digits) + unit;
    };
    std::vector<std::string> cells = {row.method, row.scheme, bits(row.bits),
                                      cell([](const StudyRow& s) { return s.perplexity; }, "", 3)};
    for (size_t k = 0; k < row.kinds.size(); ++k) {
      const auto share = [&](auto score) {
        const std::optional<double> error = score(row.kinds[k]).standard_error();
        return cell([&](const StudyRow& s) { return 100 * score(s.kinds[k]).mean(); }, " %", 1,
                    error ? std::optional(100 * *error) : std::nullopt);
      };
      if (row.kinds[k].ranked) {
        cells.push_back(share([](const TaskScore& s) { return s.accuracy; }));
      } else {
        cells.push_back("F1 " + share([](const TaskScore& s) { return s.f1; }));
        cells.push_back(share([](const TaskScore& s) { return s.exact_match; }));
      }
    }
    cells.insert(cells.end(),
                 {megabytes(row.packed_bytes), cell([](const StudyRow& s) { return s.ms_per_token; }, "", 3),
                  megabytes(row.memory_bytes)});
    table.add(cells);
  }
  std::string counts;
  for (const TaskScore& kind : rows.front().kinds)
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", kind.count(), one_line(kind.kind));
  return table.text() + fmt::format("\nTasks: {}; ± is the {}.\n", counts,
                                    runs.size() > 1 ? fmt::format("standard deviation over {} runs", runs.size())
                                                    : "standard error over tasks");
}

JsonDocument as_json(const std::vector<StudyRun>& runs) {
  JsonDocument all = JsonDocument::array();
  for (const StudyRun& run : runs) {
    JsonDocument rows = JsonDocument::array();
    for (const StudyRow& row : run.rows) rows.push_back(as_json(row));
    all.push_back({{"seed", run.seed}, {"rows", rows}});
  }
  return all;
}

std::string as_plot(const std::vector<StudyRun>& runs) {
  const std::vector<StudyRow>& rows = runs.front().rows;
  std::vector<RunningMean> quality;
  double least = 1.0, most = 0.0, most_bits = 0.0, least_bits = 32.0;
  for (size_t r = 0; r < rows.size(); ++r) {
    const StudyRow& row = rows[r];
    quality.push_back(over(runs, r, [](const StudyRow& s) { return s.quality(); }));
    least = std::min(least, quality.back().mean() - quality.back().standard_deviation());
    most = std::max(most, quality.back().mean() + quality.back().standard_deviation());
    if (row.method != "FP32") most_bits = std::max(most_bits, row.bits), least_bits = std::min(least_bits, row.bits);
  }
  least = std::max(0.0, least - 0.02);
  most = std::min(1.0, most + 0.02);
  if (most_bits <= least_bits) most_bits = least_bits + 1;
  const auto x = [&](double value) {
    return kLeft + (value - least_bits) / (most_bits - least_bits) * (kWidth - kLeft - kRight);
  };
  const auto y = [&](double value) {
    return kHeight - kBottom - (value - least) / (most - least) * (kHeight - kTop - kBottom);
  };

  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kWidth, kHeight);
  svg += text(kWidth / 2, 20, "Bits per weight against quality (mean score over kinds of tasks)");
  svg += text((kLeft + kWidth - kRight) / 2, kHeight - 15, "bits per weight (nominal)");
  for (int i = 0; i <= 4; ++i) {
    const double value = least + (most - least) * i / 4;
    svg += fmt::format("<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n", kLeft,
                       kWidth - kRight, y(value), y(value));
    svg += text(kLeft - 8, y(value) + 4, percent(value), "end");
  }
  double label = 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    const StudyRow& row = rows[r];
    if (row.method == "FP32") {
      svg += fmt::format(
          "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"black\" stroke-dasharray=\"5 4\"/>\n", kLeft,
          kWidth - kRight, y(quality[r].mean()), y(quality[r].mean()));
      svg += text(kWidth - kRight + 8, y(quality[r].mean()) + 4, "FP32", "start");
    } else if (row.method == "PTQ") {
      svg += text(x(row.bits), kHeight - kBottom + 20, bits(row.bits));
    }
  }
  for (const Line& line : kLines) {
    std::string points, marks;
    for (size_t r = 0; r < rows.size(); ++r) {
      if (rows[r].method != line.method) continue;
      const double across = x(rows[r].bits), mean = quality[r].mean(), spread = quality[r].standard_deviation();
      points += fmt::format("{:.1f},{:.1f} ", across, y(mean));
      marks += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", across, y(mean), line.colour);
      if (runs.size() > 1)
        marks += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"{3}\"/>\n",
                             across, y(mean - spread), y(mean + spread), line.colour);
    }
    svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n{}", points,
                       line.colour, marks);
    svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{}\"/>\n", kWidth - kRight + 20,
                       kHeight - kBottom - 70 + label, line.colour);
    svg += text(kWidth - kRight + 38, kHeight - kBottom - 60 + label, line.method, "start");
    label += 22;
  }
  return svg + "</svg>\n";
}

}  // namespace slm
