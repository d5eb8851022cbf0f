// SPDX-License-Identifier: Apache-2.0
// Attention of Qwen2.5-0.5B (7 query heads per KV head, head size 64) and neighbours: prefill and decoding in
// Gflop/s. One call is one KV head; operations count both products over the visible keys. "cold": the keys and values
// of several KV heads in turn, so that each comes from memory, as in a model of 24 layers; these also in GB/s read.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "bench/kernels/beyond_caches.h"
#include "bench/peaks/peaks.h"
#include "bench/peaks/rate_counters.h"
#include "slm/core/aligned_buffer.h"
#include "slm/core/rng.h"
#include "slm/kernels/attention/variants.h"

namespace slm::kernels {
namespace {

void attend(benchmark::State& state, const AttentionVariant& variant, int64_t rows, int64_t cached, int64_t heads,
            int64_t head_dim, bool cold) {
  const int64_t keys = cached + rows, element = variant.storage == KvStorage::F32 ? 4 : 2;
  const auto bytes = static_cast<size_t>((keys + 31) / 32 * 32 * head_dim * element);
  const size_t kv_heads = cold ? copies_beyond_caches(2 * bytes, rows) : 1;
  AlignedBuffer k(bytes * kv_heads), v(k.size()),
      scratch(static_cast<size_t>(attention_scratch_floats(head_dim)) * sizeof(float));
  Rng rng(1);
  std::vector<float> row(static_cast<size_t>(head_dim));
  for (int64_t t = 0; t < keys; ++t) {
    for (float& x : row) x = rng.normal();
    const auto block = static_cast<size_t>(t / 32 * 32 * head_dim * element);
    variant.store_k({.row = row.data(), .head_dim = head_dim, .block = k.data() + block, .slot = t % 32});
    variant.store_v({.row = row.data(), .head_dim = head_dim, .block = v.data() + block, .slot = t % 32});
  }
  for (size_t copy = 1; copy < kv_heads; ++copy) {
    std::memcpy(k.data() + copy * bytes, k.data(), bytes);
    std::memcpy(v.data() + copy * bytes, v.data(), bytes);
  }
  std::vector<float> q(static_cast<size_t>(rows * heads * head_dim)), out(q.size());
  for (float& x : q) x = rng.normal();
  std::vector<int32_t> begin(static_cast<size_t>(rows)), end;
  double flops = 0.0;
  for (int64_t r = 0; r < rows; ++r) {
    end.push_back(static_cast<int32_t>(cached + r + 1));
    flops += 4.0 * static_cast<double>(heads * head_dim * end.back());
  }
  AttentionArgs args{.q = q.data(),
                     .q_stride = heads * head_dim,
                     .k_blocks = k.data(),
                     .v_blocks = v.data(),
                     .key_begin = begin.data(),
                     .key_end = end.data(),
                     .out = out.data(),
                     .out_stride = heads * head_dim,
                     .rows = rows,
                     .heads = heads,
                     .head_dim = head_dim,
                     .scale = 0.125f,
                     .scratch = scratch.as<float>()};
  size_t head = 0;
  for (auto _ : state) {
    args.k_blocks = k.data() + head * bytes;
    args.v_blocks = v.data() + head * bytes;
    variant.attend(args);
    head = (head + 1) % kv_heads;
  }
  count_rate(state, "Gflop/s", flops, peaks(1, variant.isa).f32);
  if (cold) count_rate(state, "GB/s", 2.0 * static_cast<double>(bytes), peaks(1).memory);
}

struct Case {
  const char* name;
  int64_t rows, cached, heads, head_dim;
  bool cold = false;
};
constexpr Case kCases[] = {{"prefill512/h7x64", 512, 0, 7, 64},
                           {"prefill512/h6x128", 512, 0, 6, 128},
                           {"prefill512/h1x80", 512, 0, 1, 80},
                           {"prefill512/h4x256", 512, 0, 4, 256},
                           {"decode4k/h7x64", 1, 4095, 7, 64},
                           {"decode4k/h6x128", 1, 4095, 6, 128},
                           {"decode4k/h1x96", 1, 4095, 1, 96},
                           {"decode64/h7x64", 1, 63, 7, 64},
                           {"decode4k_cold/h7x64", 1, 4095, 7, 64, true},
                           {"decode4k_cold/h1x96", 1, 4095, 1, 96, true}};

const int kRegistered = [] {
  for (KvStorage storage : {KvStorage::F32, KvStorage::F16})
    for (const AttentionVariant& variant : attention_variants(storage)) {
      if (!supported(variant.isa)) continue;
      for (const Case& c : kCases)
        benchmark::RegisterBenchmark(
            (std::string("attention/") + variant.name + "/" + c.name).c_str(),
            [&variant, c](benchmark::State& s) { attend(s, variant, c.rows, c.cached, c.heads, c.head_dim, c.cold); });
    }
  return 0;
}();

}  // namespace
}  // namespace slm::kernels
