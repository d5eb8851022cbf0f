// SPDX-License-Identifier: Apache-2.0
// Speed of coding on one core, in GB/s of float32, beside what it reads from memory: what loading, exporting and fake
// quantization cost.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/peaks/peaks.h"
#include "bench/peaks/rate_counters.h"
#include "slm/core/parallel.h"
#include "slm/core/rng.h"
#include "slm/quant/fake_quant.h"
#include "slm/quant/gguf_blocks.h"
#include "slm/quant/rows.h"

namespace {

constexpr size_t kValues = 256 * 1024;  // 1 MB of floats: near the caches, as a row loop is

std::vector<float> normals() {
  slm::Rng rng(1);
  std::vector<float> values(kValues);
  for (float& v : values) v = 0.02f * rng.normal();
  return values;
}

void count_floats(benchmark::State& state) {
  slm::count_rate(state, "GB/s", static_cast<double>(kValues * sizeof(float)), slm::peaks(1).memory);
}

void decode_gguf(benchmark::State& state) {
  const auto dtype = static_cast<slm::Dtype>(state.range(0));
  state.SetLabel(std::string(slm::name(dtype)));
  slm::Rng rng(2);
  std::vector<std::byte> blocks(slm::byte_size(dtype, kValues));
  for (std::byte& b : blocks) b = static_cast<std::byte>(rng.next() & 0x3f);  // no infinite scales
  std::vector<float> values(kValues);
  for (auto _ : state) {
    slm::decode_blocks(dtype, blocks, values);
    benchmark::DoNotOptimize(values.data());
  }
  count_floats(state);
}
BENCHMARK(decode_gguf)->Apply([](auto* b) {
  for (int i = 0; i < slm::kDtypeCount; ++i)
    if (i != static_cast<int>(slm::Dtype::I8) && i != static_cast<int>(slm::Dtype::I32)) b->Arg(i);
});

void encode_row(benchmark::State& state) {
  const auto scheme = static_cast<slm::WeightScheme>(state.range(0));
  state.SetLabel(std::string(slm::name(scheme)));
  const std::vector<float> values = normals();
  std::vector<std::byte> row(slm::row_bytes(scheme, kValues));
  float scale = 0.0f;
  for (auto _ : state) {
    slm::encode_row(scheme, values, row, &scale);
    benchmark::DoNotOptimize(row.data());
  }
  count_floats(state);
}
BENCHMARK(encode_row)->DenseRange(0, 6);

void fake_quant(benchmark::State& state) {
  const auto scheme = static_cast<slm::WeightScheme>(state.range(0));
  state.SetLabel(std::string(slm::name(scheme)) + (state.range(1) != 0 ? " and mask" : ""));
  slm::set_num_threads(1);
  const std::vector<float> values = normals();
  std::vector<float> out(kValues);
  std::vector<uint8_t> mask(state.range(1) != 0 ? kValues : 0);
  for (auto _ : state) {
    slm::fake_quant(scheme, 1024, values, out, mask);
    benchmark::DoNotOptimize(out.data());
  }
  count_floats(state);
}
BENCHMARK(fake_quant)->ArgsProduct({{0, 1, 2, 3, 4, 5, 6}, {0, 1}});

}  // namespace
