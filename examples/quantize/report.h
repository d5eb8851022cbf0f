// SPDX-License-Identifier: Apache-2.0
// What quantize says of an export: each tensor, as JSON and as a table.
#pragma once

#include <string>

#include "cli/program.h"
#include "slm/export/report.h"

namespace slm {

JsonDocument as_json(const ExportReport& report);
std::string as_table(const ExportReport& report);

}  // namespace slm
