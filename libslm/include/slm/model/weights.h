// SPDX-License-Identifier: Apache-2.0
// The weights of a decoder, by what an executor holds: Table (embedding, head), Vector (norm),
// Linears (linears that share an input).
//   T tokens, D width, H heads, Hkv KV heads, Dh head size, F ffn width, V vocab
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "slm/model/config.h"
#include "slm/quant/pack.h"

namespace slm {

template <class Linears, class Vector>
struct BlockWeights {
  Vector attention_norm;     ///< (D)
  Linears qkv;               ///< q (H·Dh, D), k (Hkv·Dh, D), v (Hkv·Dh, D)
  Linears attention_output;  ///< (D, H·Dh)
  Vector mlp_norm;           ///< (D)
  Linears gate_up;           ///< gate (F, D), up (F, D)
  Linears down;              ///< (D, F)
};

template <class Table, class Linears, class Vector>
struct DecoderWeights {
  using Block = BlockWeights<Linears, Vector>;
  Table embedding;  ///< (V, D)
  std::vector<Block> blocks;
  Vector output_norm;         ///< (D)
  std::optional<Table> head;  ///< (V, D); empty: tied to the embedding
  const Table& head_table() const { return head ? *head : embedding; }
};

/// The weights of a model by their Hugging Face names: the one place that puts them together.
/// make.table(name), make.vector(name), make.linears(names without ".weight" and ".bias", has_bias).
template <class Weights, class Make>
Weights assemble_weights(const ModelConfig& c, Make& make) {
  Weights weights;
  weights.embedding = make.table("model.embed_tokens.weight");
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".", attention = layer + "self_attn.";
    typename Weights::Block block;
    block.attention_norm = make.vector(layer + "input_layernorm.weight");
    block.qkv = make.linears({attention + "q_proj", attention + "k_proj", attention + "v_proj"}, c.qkv_bias);
    block.attention_output = make.linears({attention + "o_proj"}, c.output_bias);
    block.mlp_norm = make.vector(layer + "post_attention_layernorm.weight");
    block.gate_up = make.linears({layer + "mlp.gate_proj", layer + "mlp.up_proj"}, false);
    block.down = make.linears({layer + "mlp.down_proj"}, false);
    weights.blocks.push_back(std::move(block));
  }
  weights.output_norm = make.vector("model.norm.weight");
  if (!c.tied_head) weights.head = make.table("lm_head.weight");
  return weights;
}

/// Linears with one input, packed: parts that share a scheme are one matrix,
/// the parts' columns lie side by side in the output.
struct PackedLinears {
  std::vector<PackedMatrix> matrices;
  std::vector<std::optional<GridParams>> inputs;  ///< of each matrix: the static grid of its inputs, if they have one
  std::vector<float> bias;                        ///< (all columns) or empty; with the zero correction of static inputs
  std::vector<int64_t> part_end;                  ///< last column + 1 of each part: q k v …
  int64_t columns() const { return part_end.back(); }
};

using RuntimeWeights = DecoderWeights<PackedMatrix, PackedLinears, std::vector<float>>;

}  // namespace slm
