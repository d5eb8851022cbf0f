// SPDX-License-Identifier: Apache-2.0
// The weights of a decoder, by what an executor holds: Table (embedding, head), Vector (norm),
// Linears (linears that share an input).
//   T tokens, D width, H heads, Hkv KV heads, Dh head size, F ffn width, V vocab
#pragma once

#include <optional>
#include <vector>

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
};

/// Linears with one input, packed: parts that share a scheme are one matrix,
/// the parts' columns lie side by side in the output.
struct PackedLinears {
  std::vector<PackedMatrix> matrices;
  std::vector<float> bias;        ///< (all columns) or empty
  std::vector<int64_t> part_end;  ///< last column + 1 of each part: q k v …
  int64_t columns() const { return part_end.back(); }
};

using RuntimeWeights = DecoderWeights<PackedMatrix, PackedLinears, std::vector<float>>;

}  // namespace slm
