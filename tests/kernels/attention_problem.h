// SPDX-License-Identifier: Apache-2.0
// Queries and the cache they look at, which a variant stores and runs, for the tests of attention.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "slm/core/aligned_buffer.h"
#include "slm/core/dtype.h"
#include "slm/core/rng.h"
#include "slm/kernels/attention/variants.h"

namespace slm::kernels::attention_test {

struct Range {
  int32_t begin, end;
};

/// Row r sees keys [max(0, start + r + 1 − window), start + r + 1): decoding or prefill after `start` cached tokens.
inline std::vector<Range> causal(int64_t rows, int32_t start, int32_t window = 1 << 30) {
  std::vector<Range> ranges;
  for (int32_t r = 0; r < rows; ++r) ranges.push_back({std::max(0, start + r + 1 - window), start + r + 1});
  return ranges;
}

/// One KV head's cache of `keys` tokens, everything behind them NaN, and queries that look at it.
struct Problem {
  KvStorage storage;
  int64_t heads, head_dim, keys;
  std::vector<Range> ranges;
  float scale;
  std::vector<float> q, k, v;  ///< k and v as given, (keys, head_dim)
  AlignedBuffer k_blocks, v_blocks;

  Problem(const AttentionVariant& variant, int64_t heads_, int64_t head_dim_, std::vector<Range> ranges_,
          float magnitude = 1.0f)
      : storage(variant.storage),
        heads(heads_),
        head_dim(head_dim_),
        keys(0),
        ranges(std::move(ranges_)),
        scale(1.0f / std::sqrt(static_cast<float>(head_dim_))) {
    for (const Range& range : ranges) keys = std::max<int64_t>(keys, range.end);
    Rng rng(11);
    q.resize(static_cast<size_t>(rows() * heads * head_dim));
    k.resize(static_cast<size_t>(keys * head_dim));
    v.resize(k.size());
    for (float& x : q) x = rng.normal() * magnitude;
    for (float& x : k) x = rng.normal() * magnitude;
    for (float& x : v) x = rng.normal();
    const auto bytes = static_cast<size_t>((keys + 31) / 32 * 32 * head_dim * element_bytes());
    k_blocks = AlignedBuffer(bytes);
    v_blocks = AlignedBuffer(bytes);
    std::memset(k_blocks.data(), 0xff, bytes);
    std::memset(v_blocks.data(), 0xff, bytes);
    store(variant);
  }

  int64_t rows() const { return static_cast<int64_t>(ranges.size()); }
  int64_t element_bytes() const { return storage == KvStorage::F32 ? 4 : 2; }
  int64_t q_stride() const { return heads * head_dim; }

  void store(const AttentionVariant& variant) {
    for (int64_t t = 0; t < keys; ++t) {
      const auto block = static_cast<size_t>(t / 32 * 32 * head_dim * element_bytes());
      variant.store_k(
          {.row = k.data() + t * head_dim, .head_dim = head_dim, .block = k_blocks.data() + block, .slot = t % 32});
      variant.store_v(
          {.row = v.data() + t * head_dim, .head_dim = head_dim, .block = v_blocks.data() + block, .slot = t % 32});
    }
  }

  double stored(float x) const { return storage == KvStorage::F32 ? x : f16_to_f32(f32_to_f16(x)); }

  /// Rows [first, first + count) of the output.
  std::vector<float> run(const AttentionVariant& variant, int64_t first, int64_t count) const {
    std::vector<int32_t> begin, end;
    for (int64_t r = first; r < first + count; ++r) {
      begin.push_back(ranges[static_cast<size_t>(r)].begin);
      end.push_back(ranges[static_cast<size_t>(r)].end);
    }
    std::vector<float> out(static_cast<size_t>(count * q_stride()), 777.0f);
    AlignedBuffer scratch(static_cast<size_t>(attention_scratch_floats(head_dim) + 16) * sizeof(float));
    std::memset(scratch.data(), 0xff, scratch.size());
    variant.attend({.q = q.data() + first * q_stride(),
                    .q_stride = q_stride(),
                    .k_blocks = k_blocks.data(),
                    .v_blocks = v_blocks.data(),
                    .key_begin = begin.data(),
                    .key_end = end.data(),
                    .out = out.data(),
                    .out_stride = q_stride(),
                    .rows = count,
                    .heads = heads,
                    .head_dim = head_dim,
                    .scale = scale,
                    .scratch = scratch.as<float>()});
    for (size_t i = 0; i < 64; ++i)
      EXPECT_EQ(scratch.data()[scratch.size() - 64 + i], std::byte{0xff}) << "wrote behind its scratch";
    return out;
  }
  std::vector<float> run(const AttentionVariant& variant) const { return run(variant, 0, rows()); }
};

}  // namespace slm::kernels::attention_test
