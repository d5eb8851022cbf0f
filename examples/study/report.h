// SPDX-License-Identifier: Apache-2.0
// What study shows: a table, JSON, and a plot of bits against quality.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/program.h"
#include "study/study.h"

namespace slm {

/// The study from one seed.
struct StudyRun {
  uint64_t seed = 0;
  std::vector<StudyRow> rows;
};

/// Of several runs: means ± standard deviations.
std::string as_table(const std::vector<StudyRun>& runs);
JsonDocument as_json(const StudyRow& row);
JsonDocument as_json(const std::vector<StudyRun>& runs);
/// An SVG: nominal bits per weight from left to right, mean task score upwards, a line for each method; of several runs
/// the mean, with a bar of one standard deviation to each side.
std::string as_plot(const std::vector<StudyRun>& runs);

}  // namespace slm
