// SPDX-License-Identifier: Apache-2.0
// bench_peaks: what this machine can do at most, with one thread and with all.
#include <fmt/format.h>

#include <set>
#include <string>

#include "bench/peaks/peaks.h"
#include "bench/program.h"
#include "slm/core/parallel.h"

namespace {

/// In thousand millions; "–" where it is not known.
std::string giga(double per_second, int decimals) {
  return per_second > 0 ? fmt::format("{:.{}f}", per_second * 1e-9, decimals) : "–";
}

}  // namespace

int main(int argc, char** argv) {
  const slm::BenchHelp help = {
      .teaches =
          "What this machine can do at most, with one thread and with all: operations a second on registers\n"
          "alone, as the kernels of the instruction set use them, and bytes a second from memory. – means that\n"
          "the instruction set has none of these operations, or that nothing is known of it (scalar)."};
  return slm::run_bench(argc, argv, help, [&] {
    slm::refuse_arguments(argc, argv);
    constexpr const char* kRow = "{:<12} {:>8} {:>12} {:>12} {:>12} {:>12}\n";
    fmt::print(kRow, "isa", "threads", "f32 Gflop/s", "bf16 Gflop/s", "int8 Gop/s", "memory GB/s");
    for (const int threads : std::set{1, slm::num_threads()}) {
      const slm::Peaks& p = slm::peaks(threads);
      fmt::print(kRow, slm::kernels::name(p.isa), p.threads, giga(p.f32, 0), giga(p.bf16, 0), giga(p.int8, 0),
                 giga(p.memory, 1));
    }
  });
}
