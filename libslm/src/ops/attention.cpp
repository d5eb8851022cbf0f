// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/attention.h"

#include <algorithm>

#include "slm/core/check.h"
#include "slm/core/division.h"
#include "slm/core/parallel.h"

namespace slm {
namespace {

/// Query rows one task serves: small enough to balance the triangle, large enough to reuse keys.
constexpr int64_t kTileRows = 16;

}  // namespace

void AttentionShape::check(const char* op) const {
  SLM_CHECK(kv_heads > 0 && heads > 0 && heads % kv_heads == 0, "[{}] {} heads, expected a multiple of {} KV heads", op,
            heads, kv_heads);
  SLM_CHECK(head_dim > 0 && head_dim % 8 == 0 && head_dim <= 256,
            "[{}] heads of {}, expected a multiple of 8 up to 256", op, head_dim);
}

void attention_into(const kernels::AttentionVariant& variant, const AttentionShape& shape, ConstMatrixView q,
                    const KvLayer& kv, std::span<const int32_t> key_begin, std::span<const int32_t> key_end,
                    std::span<float> scratch, MatrixView out) {
  shape.check("attention");
  const int64_t width = shape.heads * shape.head_dim;
  const int64_t scratch_floats = kernels::attention_scratch_floats(shape.head_dim);
  SLM_CHECK(q.columns == width && out.columns == width && out.rows == q.rows,
            "[attention] q is ({},{}), out is ({},{}), {} heads of {}", q.rows, q.columns, out.rows, out.columns,
            shape.heads, shape.head_dim);
  SLM_CHECK(std::ssize(key_begin) == q.rows && std::ssize(key_end) == q.rows,
            "[attention] {} rows, bounds for {} and {}", q.rows, key_begin.size(), key_end.size());
  const int64_t scratches = std::ssize(scratch) / scratch_floats;
  SLM_CHECK(scratches >= 1, "[attention] scratch has {} floats, a thread needs {}", scratch.size(), scratch_floats);
  const int64_t group = shape.heads / shape.kv_heads;
  const int64_t tiles = ceil_div(q.rows, kTileRows);
  // Later rows see more keys: tile t of range r is dealt out from both ends, so that equal ranges are equal work.
  const int64_t tasks = tiles * shape.kv_heads;
  // With room for all threads a grain of 1: ceil would leave threads idle (20 tasks, 16 threads: 10 ranges of 2).
  const int64_t grain = scratches >= num_threads() ? 1 : ceil_div(tasks, scratches);
  parallel_for(tasks, grain, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t head = task % shape.kv_heads, turn = task / shape.kv_heads;
      const int64_t tile = turn % 2 == 0 ? turn / 2 : tiles - 1 - turn / 2;
      const int64_t row = tile * kTileRows;
      const int64_t column = head * group * shape.head_dim;
      variant.attend({.q = q.row(row) + column,
                      .q_stride = q.stride,
                      .k_blocks = kv.k + head * kv.head_stride_bytes,
                      .v_blocks = kv.v + head * kv.head_stride_bytes,
                      .key_begin = key_begin.data() + row,
                      .key_end = key_end.data() + row,
                      .out = out.row(row) + column,
                      .out_stride = out.stride,
                      .rows = std::min(kTileRows, q.rows - row),
                      .heads = group,
                      .head_dim = shape.head_dim,
                      .scale = shape.scale,
                      .scratch = scratch.data() + thread * scratch_floats});
    }
  });
}

}  // namespace slm
