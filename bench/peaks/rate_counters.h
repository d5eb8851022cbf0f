// SPDX-License-Identifier: Apache-2.0
// Rates of a bench, and what part they are of what this machine can do at most (peaks.h).
#pragma once

#include <benchmark/benchmark.h>

#include <string>

namespace slm {

/// `each`: operations or bytes of an iteration; `unit`: "Gflop/s", "Gop/s" or "GB/s"; `peak`: as many a second, 0 for
/// unknown.
inline void count_rate(benchmark::State& state, const char* unit, double each, double peak) {
  const double all = each * static_cast<double>(state.iterations());
  state.counters[unit] = benchmark::Counter(1e-9 * all, benchmark::Counter::kIsRate);
  if (peak > 0)
    state.counters[std::string(unit) + " % of peak"] =
        benchmark::Counter(100 * all / peak, benchmark::Counter::kIsRate);
}

}  // namespace slm
