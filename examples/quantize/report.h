// SPDX-License-Identifier: Apache-2.0
// What quantize says of an export: each tensor, as JSON and as a table; the kinds of tensors, in short.
#pragma once

#include <string>

#include "cli/program.h"
#include "slm/export/report.h"

namespace slm {

JsonDocument as_json(const ExportReport& report);
std::string as_table(const ExportReport& report);
/// A row for each kind of tensor (q_proj, k_proj …) and type it was written in, with the totals.
std::string as_summary(const ExportReport& report);
/// What is already quantized in the source and was quantized again: "168 Q4_1, 1 Q6_K"; empty where nothing was.
std::string quantized_twice(const ExportReport& report);

}  // namespace slm
