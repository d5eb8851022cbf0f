// SPDX-License-Identifier: Apache-2.0
// One scheme's speed: what is measured, and how.
#pragma once

#include <string>
#include <vector>

#include "cli/program.h"
#include "slm/kernels/attention/attention.h"

namespace slm {

struct BenchOptions {
  std::string model;
  std::vector<std::string> weights = {"as-is"};
  int64_t prefill = 512, decode = 64, depth = 0, rounds = 5;
  kernels::KvStorage kv = kernels::KvStorage::F16;
};

/// Loads, warms up with one round, measures the others: an entry of `results` (see --help).
JsonDocument measure(const BenchOptions& options, const std::string& weights, const Program& program);

}  // namespace slm
