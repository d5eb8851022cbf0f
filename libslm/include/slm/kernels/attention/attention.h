// SPDX-License-Identifier: Apache-2.0
// Attention over a blocked KV cache: softmax(scale · q·kᵀ) · v with a running (online) softmax, for the query heads
// that share one KV head. No T×T matrix: scores exist for 128 keys at a time. (Milakov & Gimelshein 2018;
// Dao et al. 2022.) Plain data: ISA translation units include nothing else of the project.
//
//   KV cache of one (layer, KV head): blocks of 32 tokens one after another, float or half:
//
//     K block (Dh, 32), transposed                        V block (32, Dh)
//       channel 0     | t0 t1 t2 … t31 |                    token 0    | c0 c1 c2 … cDh−1 |
//       channel 1     | t0 t1 t2 … t31 |                    token 1    | c0 c1 c2 … cDh−1 |
//       …                                                   …
//       channel Dh−1  | t0 t1 t2 … t31 |                    token 31   | c0 c1 c2 … cDh−1 |
//     a load: one channel of consecutive keys, times a    a load: consecutive channels of a value, times a
//     broadcast channel of q, adds to their scores        broadcast weight, adds to the output's row
#pragma once

#include <cstddef>
#include <cstdint>

namespace slm::kernels {

enum class Isa;

inline constexpr int64_t kKvBlockTokens = 32;

enum class KvStorage { F32, F16 };

struct AttentionArgs {
  const float* q;        ///< row r, head h of the group at q + r·q_stride + h·head_dim
  int64_t q_stride;      ///< elements
  const void* k_blocks;  ///< first block; block i starts i·32·head_dim elements later
  const void* v_blocks;
  const int32_t* key_begin;  ///< (rows) first visible key of each query row (0, or the sliding window's start)
  /// (rows) one past the last visible key; a row that sees no key becomes zeros. Values between the first and the last
  /// key that any row sees are finite.
  const int32_t* key_end;
  float* out;  ///< row r, head h at out + r·out_stride + h·head_dim
  int64_t out_stride;
  int64_t rows, heads, head_dim;  ///< heads that share this KV head; head_dim a multiple of 8, ≤ 256
  float scale;
  float* scratch;  ///< attention_scratch_floats(head_dim) floats, 64-byte aligned, one per thread
};

/// Query vectors (rows × heads) that go over the keys together.
inline constexpr int kAttentionTileVectors = 48;
/// Keys they go over at a time.
inline constexpr int kAttentionSpan = 4 * kKvBlockTokens;

/// Floats of scratch a call needs: queries and values of a tile, a block of K and a span of V widened, weights, sums.
constexpr int64_t attention_scratch_floats(int64_t head_dim) {
  return (2 * kAttentionTileVectors + kKvBlockTokens + kAttentionSpan) * ((head_dim + 15) / 16 * 16) +
         kAttentionTileVectors * (kAttentionSpan + 16 + 2);
}

/// Writes one token's row (head_dim floats) to its block, rounded to the nearest number of the storage;
/// finite ones beyond the largest half become that half.
struct KvStoreArgs {
  const float* row;
  int64_t head_dim;
  void* block;   ///< the block that holds the token
  int64_t slot;  ///< 0 … 31
};

struct AttentionVariant {
  Isa isa;
  KvStorage storage;
  const char* name;
  void (*store_k)(const KvStoreArgs&);
  void (*store_v)(const KvStoreArgs&);
  void (*attend)(const AttentionArgs&);
};

}  // namespace slm::kernels
