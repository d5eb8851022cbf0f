// SPDX-License-Identifier: Apache-2.0
// linear_into on the linears of Qwen2.5-0.5B, with the threads the library uses: what it adds to kernels/gemm_* is
// quantizing x, tiles and threads. Names read linear/<scheme>/<n>x<k>/m. Gop/s count 2·m·n·k; for one row also GB/s
// of packed weights, which then come from memory (bench/kernels/beyond_caches.h).
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "bench/kernels/beyond_caches.h"
#include "bench/peaks/peaks.h"
#include "bench/peaks/rate_counters.h"
#include "slm/core/parallel.h"
#include "slm/core/rng.h"
#include "slm/kernels/vec/variants.h"
#include "slm/ops/linear.h"

namespace slm {
namespace {

struct Shape {
  int64_t n, k;
};
constexpr Shape kShapes[] = {{896, 896}, {4864, 896}, {896, 4864}};
constexpr WeightScheme kSchemes[] = {WeightScheme::F32, WeightScheme::BF16, WeightScheme::W8C, WeightScheme::W8G32,
                                     WeightScheme::W4G32};

/// The matrix, packed, as often as it takes.
std::vector<PackedMatrix> packed_copies(WeightScheme scheme, const Shape& shape, int64_t m) {
  Rng rng(1);
  const MatrixSource source{.tensor = Tensor::zeros(Dtype::F32, {shape.n, shape.k})};
  Tensor values = source.tensor;  // the same buffer
  for (float& value : values.mutable_as<float>()) value = 0.02f * rng.normal();
  std::vector<PackedMatrix> copies;
  copies.push_back(pack(scheme, std::span(&source, 1)));
  const size_t bytes = copies[0].bytes(), count = copies_beyond_caches(bytes, m);
  while (copies.size() < count) {
    copies.emplace_back(scheme, shape.n, shape.k);
    std::memcpy(copies.back().panel(0), copies[0].panel(0), bytes);
  }
  return copies;
}

void linear(benchmark::State& state, WeightScheme scheme, const Shape& shape, int64_t m) {
  const std::vector<PackedMatrix> weights = packed_copies(scheme, shape, m);
  Rng rng(2);
  std::vector<float> x(static_cast<size_t>(m * shape.k)), y(static_cast<size_t>(m * shape.n));
  for (float& value : x) value = rng.normal();
  LinearInput input(kernels::select(kernels::vec_variants()), m, shape.k);
  size_t copy = 0;
  for (auto _ : state) {
    input.set({x.data(), m, shape.k, shape.k});  // forgets the quantized rows: each call makes them, as a decoder does
    linear_into(input, weights[copy], {}, {y.data(), m, shape.n, shape.n});
    benchmark::ClobberMemory();
    copy = (copy + 1) % weights.size();
  }
  state.SetLabel(std::string(weights[0].variant().name) + ", threads " + std::to_string(num_threads()));
  const Peaks& peak = peaks(num_threads());
  const bool integers = info(scheme).activations != ActivationScheme::F32;
  count_rate(state, integers ? "Gop/s" : "Gflop/s", 2.0 * static_cast<double>(m * shape.n * shape.k),
             integers ? peak.int8 : peak.f32);
  if (m <= kRowsAtMemorySpeed) count_rate(state, "GB/s", static_cast<double>(weights[0].bytes()), peak.memory);
}

const bool kRegistered = [] {
  for (const WeightScheme scheme : kSchemes)
    for (const Shape& shape : kShapes)
      for (const int64_t m : {1, 32, 256, 512}) {
        const std::string name = "linear/" + std::string(slm::name(scheme)) + "/" + std::to_string(shape.n) + "x" +
                                 std::to_string(shape.k) + "/" + std::to_string(m);
        benchmark::RegisterBenchmark(name.c_str(), linear, scheme, shape, m)
            ->Unit(benchmark::kMicrosecond)
            ->UseRealTime();
      }
  return true;
}();

}  // namespace
}  // namespace slm
