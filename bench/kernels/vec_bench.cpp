// SPDX-License-Identifier: Apache-2.0
// Vector kernels on the rows of Qwen2.5-0.5B: width 896, ffn 4864, head size 64, vocabulary 151,936.
// GB/s read and written, beside what one core reads from memory. All but the large AdamW find their rows in the caches,
// as between the products of a layer: below 100 % arithmetic is slower than memory would be.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/peaks/peaks.h"
#include "bench/peaks/rate_counters.h"
#include "slm/core/rng.h"
#include "slm/kernels/vec/variants.h"

namespace slm::kernels {
namespace {

struct Row {
  std::vector<float> x, w, y, z;
  std::vector<int8_t> codes;
  std::vector<int32_t> offsets;
  std::vector<uint16_t> bits;
  explicit Row(int64_t n)
      : x(static_cast<size_t>(n)),
        w(x.size()),
        y(x.size()),
        z(x.size()),
        codes(x.size()),
        offsets(x.size()),
        bits(x.size(), 0x3c00) {
    Rng rng(1);
    for (float& value : x) value = rng.normal();
    for (float& value : w) value = rng.normal();
  }
};

/// `bytes` that an element is read and written in all.
template <class F>
void add(const VecVariant& variant, const char* name, int64_t n, int bytes, F f) {
  benchmark::RegisterBenchmark((std::string("vec/") + variant.name + "/" + name + "/" + std::to_string(n)).c_str(),
                               [&variant, n, bytes, f](benchmark::State& state) {
                                 Row row(n);
                                 for (auto _ : state) {
                                   f(variant, row, n);
                                   benchmark::ClobberMemory();
                                 }
                                 count_rate(state, "GB/s", static_cast<double>(n * bytes), peaks(1).memory);
                               });
}

const int kRegistered = [] {
  for (const VecVariant& variant : vec_variants()) {
    if (!supported(variant.isa)) continue;
    add(variant, "rms_norm", 896, 12,
        [](const VecVariant& v, Row& r, int64_t n) { v.rms_norm(r.x.data(), r.w.data(), 1e-6f, n, r.y.data()); });
    add(variant, "add_", 896, 12, [](const VecVariant& v, Row& r, int64_t n) { v.add_(r.x.data(), n, r.y.data()); });
    add(variant, "swiglu", 4864, 12,
        [](const VecVariant& v, Row& r, int64_t n) { v.swiglu(r.x.data(), r.w.data(), n, r.y.data()); });
    add(variant, "rope", 64, 12,
        [](const VecVariant& v, Row& r, int64_t n) { v.rope(r.y.data(), r.x.data(), r.w.data(), n / 2); });
    for (int64_t n : {896, 4864}) {
      add(variant, "quantize_a8g32", n, 5, [](const VecVariant& v, Row& r, int64_t m) {
        v.quantize_a8g32(r.x.data(), m, r.codes.data(), r.y.data(), r.offsets.data());
      });
      add(variant, "quantize_a8t", n, 5, [](const VecVariant& v, Row& r, int64_t m) {
        v.quantize_a8t(r.x.data(), m, r.codes.data(), r.y.data(), r.offsets.data());
      });
    }
    add(variant, "max_sum_exp", 151936, 4, [](const VecVariant& v, Row& r, int64_t n) {
      float max;
      double sum;
      v.max_sum_exp(r.x.data(), n, &max, &sum);
      benchmark::DoNotOptimize(sum);
    });
    add(variant, "sum_exp", 151936, 4,
        [](const VecVariant& v, Row& r, int64_t n) { benchmark::DoNotOptimize(v.sum_exp(r.x.data(), n, 0.5f, 4.0f)); });
    add(variant, "add_exp", 151936, 12,
        [](const VecVariant& v, Row& r, int64_t n) { v.add_exp(r.x.data(), n, 0.5f, 4.0f, 1e-3f, r.y.data()); });
    add(variant, "sum_exp_difference", 151936, 8, [](const VecVariant& v, Row& r, int64_t n) {
      benchmark::DoNotOptimize(v.sum_exp_difference(r.x.data(), r.w.data(), n, 0.5f, 4.0f));
    });
    add(variant, "rms_norm_grad", 896, 20, [](const VecVariant& v, Row& r, int64_t n) {
      v.rms_norm_grad(r.x.data(), r.w.data(), r.x.data(), 1e-6f, n, r.y.data());
    });
    add(variant, "swiglu_grad", 4864, 28, [](const VecVariant& v, Row& r, int64_t n) {
      v.swiglu_grad(r.x.data(), r.w.data(), r.x.data(), n, r.y.data(), r.z.data());
    });
    add(variant, "sum_squares", 4864, 4,
        [](const VecVariant& v, Row& r, int64_t n) { benchmark::DoNotOptimize(v.sum_squares(r.x.data(), n)); });
    add(variant, "scale_", 4864, 8, [](const VecVariant& v, Row& r, int64_t n) { v.scale_(0.999f, n, r.y.data()); });
    for (int64_t n : {int64_t{4864}, int64_t{1} << 22})
      add(variant, "adamw_", n, 28, [](const VecVariant& v, Row& r, int64_t m) {
        v.adamw_({.w = r.w.data(),
                  .g = r.x.data(),
                  .m = r.y.data(),
                  .v = r.z.data(),
                  .n = m,
                  .decay = 1e-8f,
                  .keep1 = 0.1f,
                  .keep2 = 0.05f,
                  .beta2 = 0.95f,
                  .eps = 1e-8f,
                  .rate = 1e-6f,
                  .root_correction = 1.0f});
      });
    add(variant, "f16_to_f32", 896, 6,
        [](const VecVariant& v, Row& r, int64_t n) { v.f16_to_f32(r.bits.data(), n, r.y.data()); });
    add(variant, "bf16_to_f32", 896, 6,
        [](const VecVariant& v, Row& r, int64_t n) { v.bf16_to_f32(r.bits.data(), n, r.y.data()); });
  }
  return 0;
}();

}  // namespace
}  // namespace slm::kernels
