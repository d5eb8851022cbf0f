// SPDX-License-Identifier: Apache-2.0
// The three products of a linear in training, on the linears of Qwen2.5-0.5B, with the threads the library uses:
//   forward  y = x·Wᵀ (NT)      grad_x  dx += dy·W (NN)      grad_w  dw += dyᵀ·x (TN)
// Names read train/<product>/<n>x<k>/m, train_bf16/… where the products are in bfloat16. Gflop/s count 2·m·n·k. Weights
// and their gradients come from memory, as a step meets them: copies that together no cache holds go round.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/kernels/beyond_caches.h"
#include "bench/peaks/peaks.h"
#include "bench/peaks/rate_counters.h"
#include "slm/core/aligned_buffer.h"
#include "slm/core/error.h"
#include "slm/core/parallel.h"
#include "slm/core/rng.h"
#include "slm/ops/float_linear.h"

namespace slm {
namespace {

enum class Product { Forward, GradX, GradW };
struct Shape {
  int64_t n, k;
};
constexpr Shape kShapes[] = {{896, 896}, {4864, 896}, {896, 4864}, {32768, 896}};

std::vector<float> normal(int64_t size, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(static_cast<size_t>(size));
  for (float& value : values) value = rng.normal();
  return values;
}

void train(benchmark::State& state, FloatCompute compute, Product product, const Shape& shape, int64_t m) try {
  GemmScratch scratch(compute);
  const int64_t elements = shape.n * shape.k;
  std::vector<float> x = normal(m * shape.k, 1), y = normal(m * shape.n, 2);
  const auto copies = static_cast<int64_t>(copies_beyond_caches(static_cast<size_t>(elements) * sizeof(float), 1));
  AlignedBuffer matrices(static_cast<size_t>(copies * elements) * sizeof(float));  // weights, or their gradients
  const std::vector<float> one = normal(elements, 3);
  for (int64_t i = 0; i < copies; ++i) std::ranges::copy(one, matrices.as<float>() + i * elements);
  const MatrixView rows_x{x.data(), m, shape.k, shape.k}, rows_y{y.data(), m, shape.n, shape.n};
  int64_t copy = 0;
  for (auto _ : state) {
    const std::span<float> matrix(matrices.as<float>() + copy * elements, static_cast<size_t>(elements));
    copy = (copy + 1) % copies;
    if (product == Product::GradW) {
      linear_grad_w(scratch, rows_y, rows_x, {matrix.data(), shape.n, shape.k, shape.k});
    } else {
      const WeightView weights(matrix, shape.n, shape.k);
      if (product == Product::Forward)
        linear_into(scratch, weights, {.values = rows_x, .codes = {}}, {}, rows_y);
      else
        linear_grad_x(scratch, weights, rows_y, rows_x);
    }
    benchmark::ClobberMemory();
  }
  state.SetLabel(std::string(scratch.linear_variant().name) + ", threads " + std::to_string(num_threads()));
  const Peaks& peak = peaks(num_threads());
  count_rate(state, "Gflop/s", 2.0 * static_cast<double>(m * elements),
             compute == FloatCompute::Bf16 ? peak.bf16 : peak.f32);
} catch (const ArgumentError& error) {  // the processor, or SLM_ISA, rules these products out
  state.SkipWithError(error.what());
}

const bool kRegistered = [] {
  constexpr std::pair<Product, const char*> kProducts[] = {
      {Product::Forward, "forward"}, {Product::GradX, "grad_x"}, {Product::GradW, "grad_w"}};
  const auto add = [&](const std::string& prefix, FloatCompute compute) {
    for (const auto& [product, name] : kProducts)
      for (const Shape& shape : kShapes)
        for (const int64_t m : {256, 512}) {
          const std::string full =
              prefix + name + "/" + std::to_string(shape.n) + "x" + std::to_string(shape.k) + "/" + std::to_string(m);
          benchmark::RegisterBenchmark(full.c_str(), train, compute, product, shape, m)
              ->Unit(benchmark::kMicrosecond)
              ->UseRealTime();
        }
  };
  add("train/", FloatCompute::F32);
  add("train_bf16/", FloatCompute::Bf16);
  return true;
}();

}  // namespace
}  // namespace slm
