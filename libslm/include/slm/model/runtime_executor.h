// SPDX-License-Identifier: Apache-2.0
// RuntimeExecutor: the decoder's verbs on packed weights and a KV cache. All memory is made in the constructor: a
// decoded token allocates nothing. A step is at most max_rows rows; each row is a token of some sequence at some
// position. In: a batch of rows.  Out: logits.  Next: runtime/session.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "slm/model/decoder.h"
#include "slm/model/kv_cache.h"
#include "slm/model/weights.h"
#include "slm/ops/linear.h"
#include "slm/ops/rope.h"

namespace slm {

struct BatchRow {
  int32_t token = 0;
  int32_t sequence = 0;
  int32_t position = 0;  ///< in its sequence; rows of one sequence come in order, none left out
};

struct RuntimeOptions {
  int64_t max_rows = 256;      ///< rows of one step
  int64_t max_logit_rows = 1;  ///< rows the head can serve at once: each costs V floats
  /// Quantize and dequantize the input of every linear; weights in f32.
  std::optional<ActivationScheme> fake_activations;
};

class RuntimeExecutor {
 public:
  using Rows = MatrixView;
  using Vector = std::vector<float>;
  using Linears = PackedLinears;
  using Table = PackedMatrix;
  using Weights = RuntimeWeights;
  /// The parts of a group's output, side by side in one matrix.
  struct Parts {
    Rows all;
    const PackedLinears* group;
    Rows operator[](size_t i) const {
      return all.column_range(i == 0 ? 0 : group->part_end[i - 1], group->part_end[i]);
    }
  };

  /// `cache` outlives it. Allocates all that steps need: max_rows rows of every width of the block, max_logit_rows of
  /// logits. Throws ArgumentError where either is no number from 1 on.
  RuntimeExecutor(const ModelConfig& config, KvCache& cache, const RuntimeOptions& options);

  /// Sets the rows of the step at hand. A sequence goes on at any position it has reached; what it held from there on
  /// is forgotten. Throws ArgumentError: too many rows, unknown sequence or token, a position that is not the next one
  /// of its sequence or lies beyond the cache; the sequences are then as before.
  void begin(std::span<const BatchRow> batch);

  Rows embedding(const PackedMatrix& table);
  Rows rms_norm(Rows x, const Vector& w);
  Parts linears(Rows x, const PackedLinears& group);
  Rows rope(Rows x);
  Rows attention(int layer, Rows q, Rows k, Rows v);
  Rows swiglu(Rows x, const PackedLinears& gate_up);
  Rows add(Rows x, Rows y);
  Rows select(Rows x, std::span<const int32_t> rows);
  Rows logits(Rows x, const PackedMatrix& table);

  int64_t max_rows() const { return max_rows_; }
  int64_t max_logit_rows() const { return max_logit_rows_; }

 private:
  /// Sets the input of the linears that follow: x, or what quantizing makes of it.
  void set_input(Rows x);

  const ModelConfig config_;
  KvCache& cache_;
  const kernels::VecVariant& vec_;
  const int64_t max_rows_, max_logit_rows_;
  const std::optional<ActivationScheme> fake_activations_;

  std::vector<BatchRow> batch_;
  std::vector<int32_t> ids_, positions_, key_begin_, key_end_;
  std::vector<int64_t> next_;  // position of each sequence's next row, while a batch is checked; −1: not in it yet
  RopeAngles angles_;
  LinearInput input_;
  // Step buffers by role; a role is free again when the next block begins.
  AlignedBuffer x_, normed_, group_, attended_, projected_, selected_, logits_, attention_scratch_, swiglu_scratch_,
      row_scratch_;
};

static_assert(Executor<RuntimeExecutor>);

extern template MatrixView embed(RuntimeExecutor&, const RuntimeWeights&);
extern template MatrixView hidden(RuntimeExecutor&, const RuntimeWeights&);
extern template MatrixView block(RuntimeExecutor&, int, const RuntimeWeights::Block&, MatrixView);
extern template MatrixView head_input(RuntimeExecutor&, const RuntimeWeights&, MatrixView, std::span<const int32_t>);
extern template MatrixView head(RuntimeExecutor&, const RuntimeWeights&, MatrixView, std::span<const int32_t>);

}  // namespace slm
