// SPDX-License-Identifier: Apache-2.0
// The decoder: the one text of the network, for training, evaluation and inference. Three calls:
//   embed → block(0) … block(L−1) → head(rows wanted)          the first two together: hidden
// An Executor says what the verbs do: on packed weights and a KV cache (runtime_executor.h), on a tape in training.
// Vaswani et al. 2017 in the pre-norm form of Llama (Touvron et al. 2023) and Qwen2 (Yang et al. 2024).
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include "slm/model/config.h"

namespace slm {

template <class E>
concept Executor = requires(E run, typename E::Rows x, const typename E::Vector& w, const typename E::Linears& linears,
                            const typename E::Table& table, std::span<const int32_t> rows, int layer) {
  { run.embedding(table) } -> std::same_as<typename E::Rows>;               // (T,D), T the batch's rows
  { run.rms_norm(x, w) } -> std::same_as<typename E::Rows>;                 // (T,D)
  { run.linears(x, linears)[0] } -> std::convertible_to<typename E::Rows>;  // one (T,·) for each part
  { run.rope(x) } -> std::same_as<typename E::Rows>;                        // at the rows' positions
  { run.attention(layer, x, x, x) } -> std::same_as<typename E::Rows>;      // (T,H·Dh) from q, k, v
  { run.swiglu(x, linears) } -> std::same_as<typename E::Rows>;             // (T,F) of gate and up
  { run.add(x, x) } -> std::same_as<typename E::Rows>;                      // the residual stream
  { run.select(x, rows) } -> std::same_as<typename E::Rows>;                // only the rows asked for
  { run.logits(x, table) } -> std::same_as<typename E::Rows>;               // (T,V)
};

template <Executor E>
typename E::Rows embed(E& run, const typename E::Weights& weights) {
  return run.embedding(weights.embedding);
}

/// x (T,D) → x (T,D) of the next layer.
template <Executor E>
typename E::Rows block(E& run, int layer, const typename E::Weights::Block& w, typename E::Rows x) {
  auto normed = run.rms_norm(x, w.attention_norm);
  auto qkv = run.linears(normed, w.qkv);
  auto q = run.rope(qkv[0]);
  auto k = run.rope(qkv[1]);
  auto attended = run.attention(layer, q, k, qkv[2]);
  x = run.add(x, run.linears(attended, w.attention_output)[0]);

  normed = run.rms_norm(x, w.mlp_norm);
  auto hidden = run.swiglu(normed, w.gate_up);
  return run.add(x, run.linears(hidden, w.down)[0]);
}

/// The whole stack: x (T,D) after the last block.
template <Executor E>
typename E::Rows hidden(E& run, const typename E::Weights& weights) {
  typename E::Rows x = embed(run, weights);
  for (size_t i = 0; i < weights.blocks.size(); ++i) x = block(run, static_cast<int>(i), weights.blocks[i], x);
  return x;
}

/// What the head multiplies with its table (rows.size(), D): in training the losses follow in the same pass
/// (ops/head_loss.h).
template <Executor E>
typename E::Rows head_input(E& run, const typename E::Weights& weights, typename E::Rows x,
                            std::span<const int32_t> rows) {
  return run.rms_norm(run.select(x, rows), weights.output_norm);
}

/// Logits (rows.size(), V) of the rows asked for.
template <Executor E>
typename E::Rows head(E& run, const typename E::Weights& weights, typename E::Rows x, std::span<const int32_t> rows) {
  return run.logits(head_input(run, weights, x, rows), weights.head_table());
}

}  // namespace slm
