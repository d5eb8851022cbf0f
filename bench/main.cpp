// SPDX-License-Identifier: Apache-2.0
// main of the programs of Google Benchmark, one for each stage of libslm (SLM_BENCH_STAGE).
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "bench/program.h"
#include "bench/result_file.h"
#include "cli/exit_code.h"

namespace {

/// Google Benchmark measures for ever, once or not at all where these make no sense.
void check_number(std::string_view argument, std::string_view option, double least) {
  constexpr double kMost = 1e6;
  if (!argument.starts_with(option)) return;
  const std::string_view word = argument.substr(option.size());
  double value = 0;
  const char* const last = word.data() + word.size();
  const auto [end, error] = std::from_chars(word.data(), last, value);
  const bool whole = least < 1 || value == std::floor(value);
  if (error != std::errc() || end != last || !(value >= least && value <= kMost) || !whole)
    throw slm::UsageError(
        fmt::format("{}{}, expected a {}number from {} to {}", option, word, least < 1 ? "" : "whole ", least, kMost));
}

/// Its options come from the environment, too, where nothing checks them.
void refuse_environment() {
  constexpr std::string_view kOptions[] = {
      "BENCHMARK_LIST_TESTS",  "BENCHMARK_FILTER",  "BENCHMARK_MIN_TIME",   "BENCHMARK_MIN_WARMUP_TIME",
      "BENCHMARK_REPETITIONS", "BENCHMARK_FORMAT",  "BENCHMARK_OUT_FORMAT", "BENCHMARK_OUT",
      "BENCHMARK_COLOR",       "BENCHMARK_CONTEXT", "BENCHMARK_TIME_UNIT",  "BENCHMARK_PERF_COUNTERS"};
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (const std::string_view set = *variable, name = set.substr(0, set.find('='));
        std::ranges::find(kOptions, name) != std::end(kOptions))
      throw slm::UsageError(fmt::format("{} is set, expected an option instead", name));
}

}  // namespace

int main(int argc, char** argv) {
  const slm::BenchHelp help = {.teaches =
                                   "Speed of libslm's " SLM_BENCH_STAGE
                                   ", on every instruction set this processor can run: a program of Google Benchmark.\n"
                                   "--benchmark_list_tests lists what it measures, --benchmark_filter chooses from it.",
                               .print_flags = benchmark::PrintDefaultHelp};
  return slm::run_bench(argc, argv, help, [&] {
    refuse_environment();
    for (int i = 1; i < argc; ++i) {
      check_number(argv[i], "--benchmark_min_time=", 1e-6);
      check_number(argv[i], "--benchmark_min_warmup_time=", 0);
      check_number(argv[i], "--benchmark_repetitions=", 1);
    }
    const slm::ResultFile result(argc, argv);
    // Asked for help by a value it does not know, Google Benchmark would print it and end with 0.
    benchmark::Initialize(&argc, argv, [] {
      throw slm::UsageError(
          "--benchmark_format and --benchmark_out_format are console, json or csv, --benchmark_color is auto, true or "
          "false, --benchmark_time_unit ns, us, ms or s");
    });
    slm::refuse_arguments(argc, argv);
    if (benchmark::RunSpecifiedBenchmarks() == 0)  // it has said whether the expression is wrong or matches none
      throw slm::UsageError("--benchmark_filter=" + benchmark::GetBenchmarkFilter() +
                            " leaves nothing to measure on this processor; --benchmark_list_tests lists what there is");
    benchmark::Shutdown();
    result.write();
  });
}
