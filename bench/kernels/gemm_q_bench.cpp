// SPDX-License-Identifier: Apache-2.0
// Integer packed GEMM on one thread: every variant this processor can run × the linears of Qwen2.5-0.5B.
// Names read gemm/<variant>/K×N/m. Gop/s counts 2·m·n·k; for m ≤ 4 GB/s counts packed weights once per call, which come
// from memory (bench/kernels/beyond_caches.h).
#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "bench/kernels/beyond_caches.h"
#include "bench/peaks/peaks.h"
#include "bench/peaks/rate_counters.h"
#include "benchmark/benchmark.h"
#include "slm/kernels/gemm_q8/gemm_q8.h"
#include "slm/kernels/gemm_variants.h"

namespace slm::kernels {
namespace {

struct Linear {
  int64_t k, n;
};
constexpr Linear kQwen[] = {{896, 1152}, {896, 896}, {896, 9728}, {4864, 896}, {896, 151936}};

void gemm(benchmark::State& state, GemmVariant variant, Linear linear, int64_t m) {
  const int64_t k = linear.k, n = linear.n, panels = (n + variant.panel_columns - 1) / variant.panel_columns;
  const size_t bytes = variant.panel_bytes(k) * static_cast<size_t>(panels);
  RotatedWeights b(bytes, m);
  std::mt19937 rng(1);
  for (size_t i = 0; i + 4 <= bytes; i += 4) {
    // Any bits are codes; scales are halves of a finite exponent, or floats that make no subnormal outputs, which some
    // processors take hundreds of cycles for.
    const uint32_t word = static_cast<uint32_t>(rng()) & 0xbfffbfffu;
    std::memcpy(b.first() + i, &word, 4);
  }
  if (variant.storage == GemmStorage::Q8C)
    for (int64_t panel = 0; panel < panels; ++panel)
      std::ranges::fill(
          reinterpret_cast<Q8CHeader*>(b.first() + static_cast<size_t>(panel) * variant.panel_bytes(k))->d, 0.01f);
  b.copy();
  std::vector<int8_t> a(static_cast<size_t>(m * k));
  for (int8_t& code : a) code = static_cast<int8_t>(static_cast<int>(rng() % 255) - 127);
  const std::vector<float> a_scales(static_cast<size_t>(m * (k / 32)), 0.01f);
  const std::vector<int32_t> a_offsets(static_cast<size_t>(m * (k / 32)),
                                       variant.storage == GemmStorage::Q8C ? kOffsetPerCode * 17 : group_offset(17));
  std::vector<float> c(static_cast<size_t>(m * n));
  for (auto _ : state) {
    variant.gemm({.a = a.data(),
                  .a_stride = k,
                  .a_scales = a_scales.data(),
                  .a_offsets = a_offsets.data(),
                  .b = b.next(),
                  .bias = nullptr,
                  .c = c.data(),
                  .c_stride = n,
                  .m = m,
                  .n = n,
                  .k = k});
    benchmark::DoNotOptimize(c.data());
  }
  count_rate(state, "Gop/s", 2.0 * static_cast<double>(m * n * k), peaks(1, variant.isa).int8);
  if (m <= kRowsAtMemorySpeed) count_rate(state, "GB/s", static_cast<double>(bytes), peaks(1).memory);
}

const bool kRegistered = [] {
  for (GemmStorage storage : {GemmStorage::Q8C, GemmStorage::Q8_0, GemmStorage::Q4_0, GemmStorage::Q4_1})
    for (const GemmVariant& variant : gemm_variants(storage)) {
      if (!supported(variant.isa)) continue;
      for (const Linear& linear : kQwen)
        for (int64_t m : {1, 2, 4, 5, 6, 8, 16, 512}) {
          if (m > 1 && linear.n > 100000) continue;  // a decoder runs the head for the last token
          const std::string name = std::string("gemm/") + variant.name + "/" + std::to_string(linear.k) + "x" +
                                   std::to_string(linear.n) + "/" + std::to_string(m);
          benchmark::RegisterBenchmark(name.c_str(), gemm, variant, linear, m)->Unit(benchmark::kMicrosecond);
        }
    }
  return true;
}();

}  // namespace
}  // namespace slm::kernels
