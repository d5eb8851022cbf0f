// SPDX-License-Identifier: Apache-2.0
// What quantize is asked to write: its command line.
#pragma once

#include <string>
#include <vector>

#include "slm/model/scheme_plan.h"

namespace CLI {
class App;
}

namespace slm {

struct QuantizeOptions {
  std::string model, scheme, out, name;
  std::vector<std::string> keep_fp;
  bool verbose = false;
};

extern const char* const kQuantizeTeaches;
std::string quantize_examples();
void add_quantize_options(CLI::App& app, QuantizeOptions& options);
SchemePlan plan_of(const QuantizeOptions& options);
/// A folder is asked for by a slash at the end, or by naming one that is there. Throws UsageError where it cannot be.
bool asks_for_folder(const QuantizeOptions& options, const SchemePlan& plan);

}  // namespace slm
