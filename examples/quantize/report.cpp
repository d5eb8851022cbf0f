// SPDX-License-Identifier: Apache-2.0
#include "quantize/report.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/terminal.h"

namespace slm {

JsonDocument as_json(const ExportReport& report) {
  JsonDocument tensors = JsonDocument::array();
  for (const ExportedTensor& row : report.tensors)
    tensors.push_back({{"name", row.name},
                       {"shape", row.shape.dims()},
                       {"stored", name(row.stored)},
                       {"written", name(row.written)},
                       {"sqnr_db", row.sqnr_db},
                       {"bytes", row.bytes}});
  return tensors;
}

std::string as_table(const ExportReport& report) {
  Table table({"tensor", "shape", "stored", "written", "SQNR dB", "bytes"});
  for (const ExportedTensor& row : report.tensors)
    table.add({row.name, row.shape.to_string(), std::string(name(row.stored)), std::string(name(row.written)),
               std::isinf(row.sqnr_db) ? "exact" : fmt::format("{:.2f}", row.sqnr_db), std::to_string(row.bytes)});
  return table.text();
}

}  // namespace slm
