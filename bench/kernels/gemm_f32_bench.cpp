// SPDX-License-Identifier: Apache-2.0
// Float GEMM on the shapes of Qwen2.5-0.5B: Gflop/s, and for one to three rows GB/s of packed weights, which then come
// from memory (bench/kernels/beyond_caches.h). Packing: GB/s of rows read, beside what one core reads from memory.
#include <benchmark/benchmark.h>

#include <span>
#include <string>
#include <vector>

#include "bench/kernels/beyond_caches.h"
#include "bench/peaks/peaks.h"
#include "bench/peaks/rate_counters.h"
#include "slm/core/aligned_buffer.h"
#include "slm/core/dtype.h"
#include "slm/core/rng.h"
#include "slm/kernels/gemm_variants.h"

namespace slm::kernels {
namespace {

struct Problem {
  RotatedWeights panels;
  std::vector<float> a, c;
};

Problem make_problem(const GemmVariant& variant, int64_t m, int64_t n, int64_t k) {
  const int64_t element = variant.storage == GemmStorage::F32 ? 4 : 2;
  const int64_t count = (n + variant.panel_columns - 1) / variant.panel_columns;
  Problem p{.panels = RotatedWeights(static_cast<size_t>(count) * variant.panel_bytes(k), m),
            .a = std::vector<float>(static_cast<size_t>(m * k)),
            .c = std::vector<float>(static_cast<size_t>(m * n))};
  Rng rng(1);
  for (float& x : p.a) x = rng.uniform() - 0.5f;
  std::vector<std::byte> rows(static_cast<size_t>(variant.panel_columns * k * element));
  for (int64_t i = 0; i < variant.panel_columns * k; ++i) {
    const float x = rng.uniform() - 0.5f;
    if (variant.storage == GemmStorage::F32) reinterpret_cast<float*>(rows.data())[i] = x;
    if (variant.storage == GemmStorage::BF16) reinterpret_cast<uint16_t*>(rows.data())[i] = f32_to_bf16(x);
    if (variant.storage == GemmStorage::F16) reinterpret_cast<uint16_t*>(rows.data())[i] = f32_to_f16(x);
  }
  std::vector<const std::byte*> pointers;
  for (int64_t c = 0; c < variant.panel_columns; ++c) pointers.push_back(rows.data() + c * k * element);
  for (int64_t i = 0; i < count; ++i)
    variant.pack({.rows = pointers.data(),
                  .count = variant.panel_columns,
                  .k = k,
                  .panel = p.panels.first() + static_cast<size_t>(i) * variant.panel_bytes(k)});
  p.panels.copy();
  return p;
}

void gemm(benchmark::State& state, const GemmVariant& variant, int64_t m, int64_t n, int64_t k) {
  Problem p = make_problem(variant, m, n, k);
  GemmArgs args{.a = p.a.data(), .a_stride = k, .b = nullptr, .c = p.c.data(), .c_stride = n, .m = m, .n = n, .k = k};
  for (auto _ : state) {
    args.b = p.panels.next();
    variant.gemm(args);
    benchmark::ClobberMemory();
  }
  const Peaks& peak = peaks(1, variant.isa);
  count_rate(state, "Gflop/s", 2.0 * static_cast<double>(m * n * k),
             variant.isa == Isa::Avx512Bf16 ? peak.bf16 : peak.f32);
  if (m <= kRowsAtMemorySpeed) count_rate(state, "GB/s", static_cast<double>(p.panels.bytes()), peaks(1).memory);
}

void pack(benchmark::State& state, const GemmVariant& variant) {
  constexpr int64_t kDepth = 896, kPanels = 64;
  const int64_t element = variant.storage == GemmStorage::F32 ? 4 : 2;
  const int64_t n = kPanels * variant.panel_columns;
  std::vector<std::byte> rows(static_cast<size_t>(n * kDepth * element));
  AlignedBuffer panels(kPanels * variant.panel_bytes(kDepth));
  std::vector<const std::byte*> pointers;
  for (int64_t i = 0; i < n; ++i) pointers.push_back(rows.data() + i * kDepth * element);
  for (auto _ : state)
    for (int64_t i = 0; i < kPanels; ++i)
      variant.pack({.rows = pointers.data() + i * variant.panel_columns,
                    .count = variant.panel_columns,
                    .k = kDepth,
                    .panel = panels.data() + static_cast<size_t>(i) * variant.panel_bytes(kDepth)});
  count_rate(state, "GB/s", static_cast<double>(rows.size()), peaks(1).memory);
}

struct Shape {
  const char* name;
  int64_t n, k;
};
constexpr Shape kShapes[] = {
    {"qkv", 1152, 896}, {"o", 896, 896}, {"gate_up", 9728, 896}, {"down", 896, 4864}, {"head", 151936, 896}};

const int kRegistered = [] {
  for (const std::span<const GemmVariant> variants :
       {gemm_f32_variants(), gemm_bf16_variants(), gemm_f16_variants(), gemm_bf16_compute_variants()})
    for (const GemmVariant& variant : variants) {
      if (!supported(variant.isa)) continue;
      const std::string prefix = std::string("gemm/") + variant.name;
      benchmark::RegisterBenchmark((std::string("pack/") + variant.name).c_str(),
                                   [&](benchmark::State& s) { pack(s, variant); });
      for (const Shape& shape : kShapes)
        for (int64_t m : {1, 3, 32, 256, 512}) {
          if (shape.n > 100000 && (m > 256 || variant.isa == Isa::Scalar)) continue;
          if (variant.isa == Isa::Scalar && m > 1) continue;
          benchmark::RegisterBenchmark(
              (prefix + "/" + shape.name + "/m" + std::to_string(m)).c_str(),
              [&variant, shape, m](benchmark::State& s) { gemm(s, variant, m, shape.n, shape.k); });
        }
    }
  return 0;
}();

}  // namespace
}  // namespace slm::kernels
