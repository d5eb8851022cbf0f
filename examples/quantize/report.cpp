// SPDX-License-Identifier: Apache-2.0
#include "quantize/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "cli/terminal.h"

namespace slm {
namespace {

/// "q_proj" of model.layers.7.self_attn.q_proj.weight; vectors are norms or biases.
std::string kind(const ExportedTensor& tensor) {
  const std::string_view name = tensor.name;
  const size_t end = name.rfind('.');
  if (tensor.shape.rank() == 1) return name.ends_with(".bias") ? "biases" : "norms";
  const std::string_view owner = name.substr(0, end);
  return std::string(owner.substr(owner.rfind('.') + 1));
}

struct Sum {
  int tensors = 0, lossy = 0;
  double least = std::numeric_limits<double>::infinity(), total_db = 0;
  uint64_t bytes = 0;
  void add(const ExportedTensor& row) {
    ++tensors;
    bytes += row.bytes;
    least = std::min(least, row.sqnr_db);
    if (std::isinf(row.sqnr_db)) return;
    ++lossy;
    total_db += row.sqnr_db;
  }
  /// Of the tensors that lost something; +∞ where none did.
  double mean() const { return lossy > 0 ? total_db / lossy : std::numeric_limits<double>::infinity(); }
};

std::string decibels(double sqnr) { return std::isinf(sqnr) ? "exact" : fmt::format("{:.2f}", sqnr); }

}  // namespace

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
               decibels(row.sqnr_db), std::to_string(row.bytes)});
  return table.text();
}

std::string as_summary(const ExportReport& report) {
  std::vector<std::pair<std::string, Sum>> kinds;  // in the order of the model
  Sum total;
  for (const ExportedTensor& row : report.tensors) {
    const std::string key = kind(row) + "|" + std::string(name(row.written));
    auto found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& entry) { return entry.first == key; });
    if (found == kinds.end()) found = kinds.emplace(kinds.end(), key, Sum{});
    found->second.add(row);
    total.add(row);
  }
  Table table({"kind", "written", "tensors", "least SQNR dB", "mean SQNR dB", "bytes"});
  const auto add = [&](const std::string& kind, const std::string& written, const Sum& sum) {
    table.add({kind, written, std::to_string(sum.tensors), decibels(sum.least), decibels(sum.mean()),
               std::to_string(sum.bytes)});
  };
  for (const auto& [key, sum] : kinds) add(key.substr(0, key.find('|')), key.substr(key.find('|') + 1), sum);
  add("all", "", total);
  return table.text();
}

std::string quantized_twice(const ExportReport& report) {
  std::map<std::string_view, int> types;
  for (const ExportedTensor& row : report.tensors)
    if ((is_block_type(row.stored) || row.stored == Dtype::I8) && std::isfinite(row.sqnr_db)) ++types[name(row.stored)];
  std::string text;
  for (const auto& [type, count] : types) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, type);
  return text;
}

}  // namespace slm
