// SPDX-License-Identifier: Apache-2.0
// Fake quantization of rows of Qwen2.5-0.5B's MLP (4,864 values, 96 rows: more than the L2 cache). GB/s read
// and written, beside what one core reads from memory.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/peaks/peaks.h"
#include "bench/peaks/rate_counters.h"
#include "slm/core/rng.h"
#include "slm/kernels/fake_quant/variants.h"

namespace slm::kernels {
namespace {

constexpr int64_t kValues = 4864 * 96;

template <class F>
void add(const FakeQuantVariant& variant, const char* name, int bytes, F f) {
  benchmark::RegisterBenchmark((std::string("fake_quant/") + variant.name + "/" + name).c_str(),
                               [&variant, bytes, f](benchmark::State& state) {
                                 Rng rng(1);
                                 std::vector<float> x(kValues), y(kValues);
                                 for (float& value : x) value = 0.02f * rng.normal();
                                 for (auto _ : state) {
                                   f(variant, x.data(), y.data());
                                   benchmark::ClobberMemory();
                                 }
                                 count_rate(state, "GB/s", static_cast<double>(kValues * bytes), peaks(1).memory);
                               });
}

const int kRegistered = [] {
  for (const FakeQuantVariant& variant : fake_quant_variants()) {
    if (!supported(variant.isa)) continue;
    add(variant, "q4_0", 8, [](const FakeQuantVariant& v, const float* x, float* y) { v.q4_0(x, kValues, 7, y); });
    add(variant, "q4_1", 8, [](const FakeQuantVariant& v, const float* x, float* y) { v.q4_1(x, kValues, 15, y); });
    add(variant, "q8_0", 8, [](const FakeQuantVariant& v, const float* x, float* y) { v.q8_0(x, kValues, 127, y); });
    add(variant, "a8g32", 8, [](const FakeQuantVariant& v, const float* x, float* y) { v.a8g32(x, kValues, y); });
    add(variant, "symmetric", 8,
        [](const FakeQuantVariant& v, const float* x, float* y) { v.symmetric(x, kValues, 1270.0f, 1e-3f, y); });
    add(variant, "mask_q4_0_", 12,
        [](const FakeQuantVariant& v, const float* x, float* y) { v.mask_q4_0_(x, kValues, 7, y); });
  }
  return 0;
}();

}  // namespace
}  // namespace slm::kernels
