// SPDX-License-Identifier: Apache-2.0
// main of the programs of Google Benchmark, one for each stage of libslm (SLM_BENCH_STAGE).
#include <benchmark/benchmark.h>

#include "bench/program.h"
#include "bench/result_file.h"
#include "cli/exit_code.h"

int main(int argc, char** argv) {
  const slm::BenchHelp help = {.teaches =
                                   "Speed of libslm's " SLM_BENCH_STAGE
                                   ", on every instruction set this processor can run: a program of Google Benchmark.\n"
                                   "--benchmark_list_tests lists what it measures, --benchmark_filter chooses from it.",
                               .print_flags = benchmark::PrintDefaultHelp};
  return slm::run_bench(argc, argv, help, [&] {
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
