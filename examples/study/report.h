// SPDX-License-Identifier: Apache-2.0
// What study shows: a table, JSON, and a plot of bits against quality.
#pragma once

#include <string>
#include <vector>

#include "cli/program.h"
#include "study/study.h"

namespace slm {

std::string as_table(const std::vector<StudyRow>& rows);
JsonDocument as_json(const std::vector<StudyRow>& rows);
/// An SVG: nominal bits per weight from left to right, mean task score upwards, a line for each method.
std::string as_plot(const std::vector<StudyRow>& rows);

}  // namespace slm
