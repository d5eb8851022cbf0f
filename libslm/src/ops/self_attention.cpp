// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/self_attention.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "ops/float_panels.h"
#include "ops/grain.h"
#include "slm/core/check.h"
#include "slm/core/division.h"
#include "slm/core/parallel.h"

namespace slm {
namespace {

constexpr int64_t kTileRows = 64;

void check_shapes(const char* op, const AttentionShape& shape, ConstMatrixView q, ConstMatrixView k, ConstMatrixView v,
                  std::span<const int32_t> key_begin) {
  shape.check(op);
  const int64_t width = shape.heads * shape.head_dim, kv_width = shape.kv_heads * shape.head_dim;
  SLM_CHECK(
      q.columns == width && k.columns == kv_width && v.columns == kv_width && k.rows == q.rows && v.rows == q.rows,
      "[{}] q is ({},{}), k is ({},{}), v is ({},{}), {} and {} heads of {}", op, q.rows, q.columns, k.rows, k.columns,
      v.rows, v.columns, shape.heads, shape.kv_heads, shape.head_dim);
  SLM_CHECK(q.rows > 0 && std::ssize(key_begin) == q.rows, "[{}] {} rows, bounds for {}, expected as many, at least 1",
            op, q.rows, key_begin.size());
  for (int64_t t = 0; t < q.rows; ++t) {
    const int32_t first = key_begin[static_cast<size_t>(t)];
    SLM_CHECK(first >= 0 && first <= t, "[{}] row {} sees keys from {} on, expected 0 to {}", op, t, first, t);
  }
}

ConstMatrixView head_of(ConstMatrixView x, int64_t head, int64_t dim) {
  return x.column_range(head * dim, (head + 1) * dim);
}

/// What the heads of a gradient share, and what one thread works in.
class Gradient {
 public:
  Gradient(GemmScratch& scratch, const kernels::VecVariant& vec, const AttentionShape& shape, ConstMatrixView q,
           ConstMatrixView k, ConstMatrixView v, ConstMatrixView out, ConstMatrixView dout,
           std::span<const int32_t> key_begin)
      : panels_(scratch.variant()),
        vec_(vec),
        shape_(shape),
        q_(q),
        k_(k),
        v_(v),
        out_(out),
        dout_(dout),
        key_begin_(key_begin),
        rows_(q.rows),
        padded_rows_(round_up(rows_, panels_.columns())),
        key_floats_(panels_.floats(rows_, shape.head_dim)),
        kv_floats_(2 * key_floats_ + panels_.floats(shape.head_dim, rows_)),
        head_floats_(2 * rows_ * shape.head_dim) {
    scratch.reserve(4 * kTileRows * padded_rows_ + panels_.floats(shape.head_dim, kTileRows),
                    shape.kv_heads * kv_floats_ + shape.heads * head_floats_);
    keys_ = scratch.shared();
    partial_ = keys_ + shape.kv_heads * kv_floats_;
    parallel_for(shape.kv_heads, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t g = begin; g < end; ++g) pack_keys(g);
    });
  }

  /// dq of the head, and its part of dk and dv.
  void head(int64_t h, float* room, MatrixView dq) const {
    const int64_t dim = shape_.head_dim, tile = kTileRows * padded_rows_, g = h / (shape_.heads / shape_.kv_heads);
    float *scores = room, *weights = scores + tile, *dweights = weights + tile, *transposed = dweights + tile;
    float* packed = transposed + tile;
    float* parts = partial_ + h * head_floats_;
    std::fill(parts, parts + head_floats_, 0.0f);
    const MatrixView dk{parts, rows_, dim, dim}, dv{parts + rows_ * dim, rows_, dim, dim};
    const ConstMatrixView q = head_of(q_, h, dim), out = head_of(out_, h, dim), dout = head_of(dout_, h, dim);
    const MatrixView dq_head = dq.column_range(h * dim, (h + 1) * dim);
    for (int64_t t0 = 0; t0 < rows_; t0 += kTileRows) {
      const int64_t t1 = std::min(t0 + kTileRows, rows_), count = t1 - t0, width = panels_.columns();
      const auto first = key_begin_.subspan(static_cast<size_t>(t0), static_cast<size_t>(count));
      const int64_t k0 = *std::min_element(first.begin(), first.end()) / width * width, n = t1 - k0;
      panels_.multiply(q.row_range(t0, t1), key_panels(g) + panels_.floats(k0, dim), {scores, count, n, n});
      panels_.multiply(dout.row_range(t0, t1), value_panels(g) + panels_.floats(k0, dim), {dweights, count, n, n});
      for (int64_t t = t0; t < t1; ++t)
        soften(key_begin_[static_cast<size_t>(t)] - k0, t + 1 - k0, n, out.row(t), dout.row(t), scores + (t - t0) * n,
               weights + (t - t0) * n, dweights + (t - t0) * n);

      const ConstMatrixView dscores{dweights, count, n, n};
      for (int64_t c = 0; c < dim; c += width)
        panels_.multiply_add(dscores, channel_panels(g) + panels_.floats(c, rows_) + k0 * width,
                             dq_head.row_range(t0, t1).column_range(c, std::min(c + width, dim)));
      const auto add_transposed = [&](ConstMatrixView a, ConstMatrixView b, MatrixView c) {  // c += aᵀ·b
        transpose_into(a, {transposed, n, count, count});
        panels_.pack_columns(b, packed);
        panels_.multiply_add({transposed, n, count, count}, packed, c.row_range(k0, t1));
      };
      add_transposed(dscores, q.row_range(t0, t1), dk);
      add_transposed({weights, count, n, n}, dout.row_range(t0, t1), dv);
    }
  }

  /// Adds the parts of a KV head's query heads, in their order, to rows [begin, end) of dk and dv.
  void gather(int64_t begin, int64_t end, MatrixView dk, MatrixView dv) const {
    const int64_t dim = shape_.head_dim, group = shape_.heads / shape_.kv_heads;
    for (int64_t h = 0; h < shape_.heads; ++h)
      for (int64_t t = begin; t < end; ++t) {
        const float* from = partial_ + h * head_floats_ + t * dim;
        vec_.add_(from, dim, dk.row(t) + h / group * dim);
        vec_.add_(from + rows_ * dim, dim, dv.row(t) + h / group * dim);
      }
  }

 private:
  float* key_panels(int64_t g) const { return keys_ + g * kv_floats_; }
  float* value_panels(int64_t g) const { return key_panels(g) + key_floats_; }
  float* channel_panels(int64_t g) const { return value_panels(g) + key_floats_; }

  /// Keys and values as output columns (for q·kᵀ and dout·vᵀ), and the channels of the keys (for dS·k).
  void pack_keys(int64_t g) const {
    const ConstMatrixView k = head_of(k_, g, shape_.head_dim), v = head_of(v_, g, shape_.head_dim);
    panels_.pack_rows(k, key_panels(g));
    panels_.pack_rows(v, value_panels(g));
    panels_.pack_columns(k, channel_panels(g));
  }

  /// One row: scores → weights; dweights → scale·dS. The row sees keys [begin, end) of the n at hand.
  void soften(int64_t begin, int64_t end, int64_t n, const float* out, const float* dout, const float* scores,
              float* weights, float* dweights) const {
    std::fill(weights, weights + n, 0.0f);
    const int64_t seen = end - begin;
    const float largest = *std::max_element(scores + begin, scores + end);
    const double sum = vec_.sum_exp(scores + begin, seen, shape_.scale, largest);
    vec_.add_exp(scores + begin, seen, shape_.scale, largest, static_cast<float>(1.0 / sum), weights + begin);
    double along = 0.0;
    for (int64_t d = 0; d < shape_.head_dim; ++d) along += static_cast<double>(dout[d]) * static_cast<double>(out[d]);
    const auto mean = static_cast<float>(along);
    for (int64_t j = 0; j < n; ++j) dweights[j] = shape_.scale * weights[j] * (dweights[j] - mean);
  }

  const FloatPanels panels_;
  const kernels::VecVariant& vec_;
  const AttentionShape shape_;
  const ConstMatrixView q_, k_, v_, out_, dout_;
  const std::span<const int32_t> key_begin_;
  const int64_t rows_, padded_rows_, key_floats_, kv_floats_, head_floats_;
  float *keys_ = nullptr, *partial_ = nullptr;
};

}  // namespace

void self_attention_into(GemmScratch& scratch, const AttentionShape& shape, ConstMatrixView q, ConstMatrixView k,
                         ConstMatrixView v, std::span<const int32_t> key_begin, MatrixView out) {
  check_shapes("self_attention", shape, q, k, v, key_begin);
  constexpr int64_t kBlock = kernels::kKvBlockTokens;
  const kernels::AttentionVariant& variant = kernels::select(kernels::attention_variants(kernels::KvStorage::F32));
  const int64_t dim = shape.head_dim, head_floats = round_up(q.rows, kBlock) * dim;
  const int64_t thread_floats = kernels::attention_scratch_floats(dim);
  scratch.reserve(thread_floats, 2 * shape.kv_heads * head_floats);
  float* keys = scratch.shared();
  float* values = keys + shape.kv_heads * head_floats;
  parallel_for(q.rows, kBlock, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t g = 0; g < shape.kv_heads; ++g) {
        const int64_t block = g * head_floats + t / kBlock * kBlock * dim;
        variant.store_k({.row = k.row(t) + g * dim, .head_dim = dim, .block = keys + block, .slot = t % kBlock});
        variant.store_v({.row = v.row(t) + g * dim, .head_dim = dim, .block = values + block, .slot = t % kBlock});
      }
  });
  std::vector<int32_t> key_end(static_cast<size_t>(q.rows));
  std::iota(key_end.begin(), key_end.end(), 1);
  const KvLayer layer{.k = reinterpret_cast<const std::byte*>(keys),
                      .v = reinterpret_cast<const std::byte*>(values),
                      .head_stride_bytes = head_floats * static_cast<int64_t>(sizeof(float))};
  attention_into(variant, shape, q, layer, key_begin, key_end,
                 {scratch.of_thread(0), static_cast<size_t>(thread_floats * num_threads())}, out);
}

void self_attention_grad(GemmScratch& scratch, const kernels::VecVariant& vec, const AttentionShape& shape,
                         ConstMatrixView q, ConstMatrixView k, ConstMatrixView v, ConstMatrixView out,
                         ConstMatrixView dout, std::span<const int32_t> key_begin, MatrixView dq, MatrixView dk,
                         MatrixView dv) {
  check_shapes("self_attention_grad", shape, q, k, v, key_begin);
  check_shapes("self_attention_grad", shape, dq, dk, dv, key_begin);
  SLM_CHECK(out.rows == q.rows && out.columns == q.columns && dout.rows == q.rows && dout.columns == q.columns,
            "[self_attention_grad] out is ({},{}), dout is ({},{}), expected ({},{})", out.rows, out.columns, dout.rows,
            dout.columns, q.rows, q.columns);
  const Gradient gradient(scratch, vec, shape, q, k, v, out, dout, key_begin);
  // A head is 5·T²·Dh multiply-adds: many short ones are one thread's.
  parallel_for(shape.heads, grain(5 * q.rows * q.rows * shape.head_dim), [&](int64_t begin, int64_t end, int thread) {
    for (int64_t h = begin; h < end; ++h) gradient.head(h, scratch.of_thread(thread), dq);
  });
  parallel_for(q.rows, 16, [&](int64_t begin, int64_t end, int) { gradient.gather(begin, end, dk, dv); });
}

}  // namespace slm
