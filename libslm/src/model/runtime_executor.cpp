// SPDX-License-Identifier: Apache-2.0
#include "slm/model/runtime_executor.h"

#include <algorithm>
#include <cstring>

#include "slm/core/parallel.h"
#include "slm/kernels/vec/variants.h"
#include "slm/ops/attention.h"
#include "slm/ops/embedding.h"
#include "slm/ops/residual.h"
#include "slm/ops/rms_norm.h"
#include "slm/ops/swiglu.h"
#include "slm/quant/rows.h"

namespace slm {
namespace {

AlignedBuffer floats(int64_t rows, int64_t columns) {
  return AlignedBuffer(static_cast<size_t>(rows * columns) * sizeof(float));
}

MatrixView view(AlignedBuffer& buffer, int64_t rows, int64_t columns) {
  return {buffer.as<float>(), rows, columns, columns};
}

int64_t group_columns(const ModelConfig& c) { return std::max(c.q_width() + 2 * c.kv_width(), 2 * c.ffn); }

int64_t checked_rows(int64_t rows) {
  SLM_CHECK(rows >= 1 && rows < int64_t{1} << 20, "[runtime] a step of {} rows, expected 1 to {}", rows, (1 << 20) - 1);
  return rows;
}

size_t largest_row_bytes(const ModelConfig& c) { return static_cast<size_t>(c.width) * sizeof(float); }

}  // namespace

RuntimeExecutor::RuntimeExecutor(const ModelConfig& config, KvCache& cache, const RuntimeOptions& options)
    : config_(config),
      cache_(cache),
      vec_(kernels::select(kernels::vec_variants())),
      max_rows_(checked_rows(options.max_rows)),
      max_logit_rows_(checked_rows(options.max_logit_rows)),
      fake_activations_(options.fake_activations),
      angles_(config.head_dim, config.rope_theta, options.max_rows),
      input_(vec_, std::max(options.max_rows, options.max_logit_rows),
             std::max({config.width, config.ffn, config.q_width()})),
      x_(floats(max_rows_, config.width)),
      normed_(floats(max_rows_, config.width)),
      group_(floats(max_rows_, group_columns(config))),
      attended_(floats(max_rows_, config.q_width())),
      projected_(floats(max_rows_, config.width)),
      selected_(floats(max_logit_rows_, config.width)),
      logits_(floats(max_logit_rows_, config.vocab)),
      attention_scratch_(floats(num_threads(), kernels::attention_scratch_floats(config.head_dim))),
      swiglu_scratch_(floats(num_threads(), kSwigluScratch)),
      row_scratch_(largest_row_bytes(config)) {
  for (auto* rows : {&ids_, &positions_, &key_begin_, &key_end_}) rows->reserve(static_cast<size_t>(max_rows_));
  batch_.reserve(static_cast<size_t>(max_rows_));
  next_.resize(static_cast<size_t>(cache.sequences()));
}

void RuntimeExecutor::begin(std::span<const BatchRow> batch) {
  SLM_CHECK(!batch.empty() && std::ssize(batch) <= max_rows_, "[runtime] a step of {} rows, expected 1 to {}",
            batch.size(), max_rows_);
  std::fill(next_.begin(), next_.end(), -1);
  for (const BatchRow& row : batch) {
    SLM_CHECK(row.sequence >= 0 && row.sequence < cache_.sequences(), "[runtime] sequence {}, the cache has {}",
              row.sequence, cache_.sequences());
    SLM_CHECK(row.position >= 0 && row.position < cache_.capacity(), "[runtime] position {}, the context has {} tokens",
              row.position, cache_.capacity());
    SLM_CHECK(row.token >= 0 && row.token < config_.vocab, "[runtime] token {}, the vocabulary has {}", row.token,
              config_.vocab);
    int64_t& next = next_[static_cast<size_t>(row.sequence)];
    if (next < 0)
      SLM_CHECK(row.position <= cache_.length(row.sequence), "[runtime] position {} of sequence {}, it has {} tokens",
                row.position, row.sequence, cache_.length(row.sequence));
    else
      SLM_CHECK(row.position == next, "[runtime] position {} of sequence {}, expected {}", row.position, row.sequence,
                next);
    next = row.position + 1;
  }
  for (size_t s = 0; s < next_.size(); ++s)
    if (next_[s] >= 0) cache_.set_length(static_cast<int64_t>(s), next_[s]);

  batch_.assign(batch.begin(), batch.end());
  for (auto* rows : {&ids_, &positions_, &key_begin_, &key_end_}) rows->clear();
  for (const BatchRow& row : batch) {
    ids_.push_back(row.token);
    positions_.push_back(row.position);
    key_begin_.push_back(0);
    key_end_.push_back(row.position + 1);
  }
  angles_.set(positions_);
}

MatrixView RuntimeExecutor::embedding(const PackedMatrix& table) {
  const MatrixView x = view(x_, std::ssize(ids_), config_.width);
  embedding_into(table, ids_, {row_scratch_.data(), row_scratch_.size()}, x);
  return x;
}

MatrixView RuntimeExecutor::rms_norm(Rows x, const Vector& w) {
  const MatrixView y = view(normed_, x.rows, config_.width);
  rms_norm_into(vec_, x, w, config_.norm_eps, y);
  return y;
}

void RuntimeExecutor::set_input(Rows x) {
  input_.set(x);
  if (fake_activations_) input_.set(input_.fake_quantized(*fake_activations_));
}

RuntimeExecutor::Parts RuntimeExecutor::linears(Rows x, const PackedLinears& group) {
  const MatrixView all = view(group.part_end.size() > 1 ? group_ : projected_, x.rows, group.columns());
  set_input(x);
  int64_t column = 0;
  for (size_t i = 0; i < group.matrices.size(); ++i) {
    const PackedMatrix& w = group.matrices[i];
    const std::span<const float> bias =
        group.bias.empty() ? std::span<const float>() : std::span(group.bias).subspan(column, w.n());
    linear_into(input_, w, bias, all.column_range(column, column + w.n()), group.inputs[i]);
    column += w.n();
  }
  return {all, &group};
}

MatrixView RuntimeExecutor::rope(Rows x) {
  rope_(vec_, angles_, config_.head_dim, x);
  return x;
}

MatrixView RuntimeExecutor::attention(int layer, Rows q, Rows k, Rows v) {
  const MatrixView out = view(attended_, q.rows, config_.q_width());
  parallel_for(q.rows, kernels::kKvBlockTokens, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const BatchRow& row = batch_[static_cast<size_t>(t)];
      cache_.store(layer, row.sequence, row.position, k.row(t), v.row(t));
    }
  });
  const AttentionShape shape{config_.heads, config_.kv_heads, config_.head_dim, config_.attention_scale()};
  for (int64_t begin = 0; begin < q.rows;) {  // one call for each run of rows of the same sequence
    const int32_t sequence = batch_[static_cast<size_t>(begin)].sequence;
    int64_t end = begin + 1;
    while (end < q.rows && batch_[static_cast<size_t>(end)].sequence == sequence) ++end;
    const size_t first = static_cast<size_t>(begin), count = static_cast<size_t>(end - begin);
    attention_into(cache_.variant(), shape, q.row_range(begin, end), cache_.layer(layer, sequence),
                   std::span(key_begin_).subspan(first, count), std::span(key_end_).subspan(first, count),
                   attention_scratch_.span_of<float>(), out.row_range(begin, end));
    begin = end;
  }
  return out;
}

MatrixView RuntimeExecutor::swiglu(Rows x, const PackedLinears& gate_up) {
  if (gate_up.matrices.size() == 1 && gate_up.bias.empty() && !gate_up.inputs[0] && fuses_swiglu(gate_up.matrices[0])) {
    const MatrixView y = view(group_, x.rows, config_.ffn);
    set_input(x);
    swiglu_linear_into(vec_, input_, gate_up.matrices[0], swiglu_scratch_.span_of<float>(), y);
    return y;
  }
  const Parts parts = linears(x, gate_up);
  swiglu_into(vec_, parts[0], parts[1], parts[0]);
  return parts[0];
}

MatrixView RuntimeExecutor::add(Rows x, Rows y) {
  add_(vec_, x, y);
  return x;
}

MatrixView RuntimeExecutor::select(Rows x, std::span<const int32_t> rows) {
  SLM_CHECK(std::ssize(rows) <= max_logit_rows_, "[runtime] logits of {} rows asked, room was made for {}", rows.size(),
            max_logit_rows_);
  const MatrixView y = view(selected_, std::ssize(rows), x.columns);
  for (size_t i = 0; i < rows.size(); ++i) {
    SLM_CHECK(rows[i] >= 0 && rows[i] < x.rows, "[runtime] row {} asked, the step has {}", rows[i], x.rows);
    std::memcpy(y.row(static_cast<int64_t>(i)), x.row(rows[i]), static_cast<size_t>(x.columns) * sizeof(float));
  }
  return y;
}

MatrixView RuntimeExecutor::logits(Rows x, const PackedMatrix& table) {
  const MatrixView y = view(logits_, x.rows, table.n());
  set_input(x);
  linear_into(input_, table, {}, y);
  return y;
}

template MatrixView embed(RuntimeExecutor&, const RuntimeWeights&);
template MatrixView hidden(RuntimeExecutor&, const RuntimeWeights&);
template MatrixView block(RuntimeExecutor&, int, const RuntimeWeights::Block&, MatrixView);
template MatrixView head_input(RuntimeExecutor&, const RuntimeWeights&, MatrixView, std::span<const int32_t>);
template MatrixView head(RuntimeExecutor&, const RuntimeWeights&, MatrixView, std::span<const int32_t>);

}  // namespace slm
