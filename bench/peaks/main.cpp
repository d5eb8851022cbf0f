// SPDX-License-Identifier: Apache-2.0
// bench_peaks: what this machine can do at most, with one thread and with all.
#include <cstdio>
#include <set>

#include "bench/peaks/peaks.h"
#include "slm/core/parallel.h"

int main() {
  std::printf("%-12s %8s %12s %12s %12s %12s\n", "isa", "threads", "f32 Gflop/s", "bf16 Gflop/s", "int8 Gop/s",
              "memory GB/s");
  for (const int threads : std::set{1, slm::num_threads()}) {
    const slm::Peaks& p = slm::peaks(threads);
    std::printf("%-12s %8d %12.0f %12.0f %12.0f %12.1f\n", slm::kernels::name(p.isa).data(), p.threads, p.f32 * 1e-9,
                p.bf16 * 1e-9, p.int8 * 1e-9, p.memory * 1e-9);
  }
}
