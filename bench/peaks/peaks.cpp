// SPDX-License-Identifier: Apache-2.0
#include "bench/peaks/peaks.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "bench/peaks/peak_loops.h"
#include "slm/core/aligned_buffer.h"
#include "slm/core/parallel.h"
#include "slm/core/stopwatch.h"

namespace slm {
namespace {

constexpr int kTries = 5;
constexpr double kSeconds = 0.03;                               // of a try of arithmetic
constexpr std::array<size_t, 4> kAhead = {0, 512, 1024, 4096};  // distances to prefetch at

std::span<const PeakLoops> peak_loops() {
  static const std::vector<PeakLoops> loops = {
#if defined(__x86_64__)
    peak_loops_avx512bf16(kernels::Isa::Avx512Bf16),
    peak_loops_avx512vnni(kernels::Isa::Avx512Vnni),
    peak_loops_avxvnni(kernels::Isa::AvxVnni),
    peak_loops_avx2(kernels::Isa::Avx2),
#elif defined(__aarch64__)
    peak_loops_neon_i8mm(kernels::Isa::NeonI8mm),
    peak_loops_neon_dotprod(kernels::Isa::NeonDotprod),
#endif
  };
  return loops;
}

/// Seconds that `work(thread)` takes on all threads at once.
template <class F>
double seconds_of(int threads, F&& work) {
  const Stopwatch watch;
  parallel_for(threads, 1, [&](int64_t, int64_t, int thread) { work(thread); });
  return watch.seconds();
}

double operations_per_second(const ArithmeticLoop& loop, int threads) {
  int64_t rounds = 1000;
  while (seconds_of(threads, [&](int) { loop.run(rounds); }) < kSeconds) rounds *= 2;
  double best = 0;
  for (int i = 0; i < kTries; ++i)
    best = std::max(best, static_cast<double>(rounds * loop.operations * threads) /
                              seconds_of(threads, [&](int) { loop.run(rounds); }));
  return best;
}

double bytes_per_second(const PeakLoops& loops, int threads) {
  const size_t bytes = bytes_beyond_caches(), each = bytes + kAhead.back() + 4096;
  AlignedBuffer buffer(each * static_cast<size_t>(threads));
  const auto part = [&](int thread) { return buffer.data() + static_cast<size_t>(thread) * each; };
  seconds_of(threads, [&](int thread) { std::memset(part(thread), 1, each); });  // pages lie near who reads them
  double best = 0;
  for (int i = 0; i < kTries; ++i)
    for (const size_t ahead : kAhead)
      best = std::max(best, static_cast<double>(bytes) * threads /
                                seconds_of(threads, [&](int thread) { loops.read(part(thread), bytes, ahead); }));
  return best;
}

Peaks measure_peaks(int threads, std::optional<kernels::Isa> isa) {
  const int before = num_threads();
  set_num_threads(threads);
  Peaks peaks{.threads = threads};
  for (const PeakLoops& loops : peak_loops()) {
    if (isa ? loops.isa != *isa : !kernels::selectable(loops.isa)) continue;
    peaks.isa = loops.isa;
    peaks.f32 = operations_per_second(loops.f32, threads);
    peaks.int8 = operations_per_second(loops.int8, threads);
    if (loops.bf16.run != nullptr) peaks.bf16 = operations_per_second(loops.bf16, threads);
    peaks.memory = bytes_per_second(loops, threads);
    break;
  }
  set_num_threads(before);
  return peaks;
}

}  // namespace

const Peaks& peaks(int threads, std::optional<kernels::Isa> isa) {
  static std::map<std::pair<int, std::optional<kernels::Isa>>, Peaks> measured;
  const auto key = std::pair(threads, isa);
  if (!measured.contains(key)) measured[key] = measure_peaks(threads, isa);
  return measured[key];
}

size_t bytes_beyond_caches() {
  constexpr long kLeast = 256L << 20;
#if defined(_SC_LEVEL3_CACHE_SIZE)
  return static_cast<size_t>(std::max(kLeast, 2 * sysconf(_SC_LEVEL3_CACHE_SIZE)));  // 0 or −1 where it is not told
#else
  return kLeast;
#endif
}

}  // namespace slm
