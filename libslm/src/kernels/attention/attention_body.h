// SPDX-License-Identifier: Apache-2.0
// Attention on Simd lanes, written once for all instruction sets; attention_scalar.cpp says the same plainly.
// In: query rows × heads of one KV head ("vectors" below), KV blocks.  Out: one row of values per vector.
// Included by ISA translation units only; internal linkage.
//
// Tiles of 48 vectors walk over the spans of 128 keys (four blocks) that any of them sees, so a span is read once per
// tile:
//   scores (48,128) = q·K   masked, running maximum   weights = exp(scores − maximum)   out = out·shrink + weights·V
// A vector's arithmetic depends only on its own q and range: the spans lie at absolute positions, a key it does not
// see has weight 0, and a span it does not see changes nothing. So a row's result is the same alone and among others,
// as long as the values of its tile's keys are finite (0·∞ is no number). The products with keys prefetch
// the span's values, those with values the next span's keys: in each step as much as it reads, as all at once stall.
//
//   q       (48/kRows, Dh, kRows)   a register tile's elements of one channel side by side
//   weights (48, 128)               values (48, Dh)
#pragma once

#include "kernels/attention/attention_isas.h"
#include "kernels/isa_row.h"
#include "kernels/least.h"
#include "kernels/vec/simd_elements.h"
#include "kernels/vec/simd_exp.h"
#include "kernels/vec/simd_tile.h"
#include "slm/kernels/attention/attention.h"

namespace slm::kernels {
namespace {

/// kRows: query vectors of a register tile of 32 columns.
template <class S, class Element, int kRows>
struct BlockedAttention {
  using V = typename S::V;
  static constexpr int W = S::kWidth;
  static constexpr int kKeys = static_cast<int>(kKvBlockTokens);
  static constexpr int kSpan = kAttentionSpan;
  static constexpr int kTile = kAttentionTileVectors;
  static constexpr int kBlockVectors = kKeys / W;
  static constexpr float kLowest = -__builtin_inff();
  static_assert(kTile % kRows == 0 && kTile % W == 0);

  /// The scratch of a call, and the ranges of the current tile.
  struct Tile {
    int64_t dim, padded_dim;  ///< padded_dim: a multiple of 16, so that whole vectors cover a row of values
    float *q, *values, *weights, *sums, *maximum, *shrink, *k, *v;
    int count;
    int32_t begin[kTile], end[kTile];
  };

  static Tile make_tile(const AttentionArgs& args) {
    Tile t;
    t.dim = args.head_dim;
    t.padded_dim = (args.head_dim + 15) / 16 * 16;
    float* next = args.scratch;
    const auto take = [&next](int64_t floats) {
      float* p = next;
      next += floats;
      return p;
    };
    t.q = take(kTile * t.padded_dim);
    t.values = take(kTile * t.padded_dim);
    t.weights = take(kTile * kSpan);
    t.sums = take(kTile * 16);
    t.maximum = take(kTile);
    t.shrink = take(kTile);
    t.k = take(kKeys * t.dim);
    t.v = take(kSpan * t.padded_dim);
    return t;
  }

  static void begin_tile(const AttentionArgs& args, int64_t first, Tile& t) {
    for (int i = 0; i < t.count; ++i) {
      const int64_t row = (first + i) / args.heads, head = (first + i) % args.heads;
      const float* q = args.q + row * args.q_stride + head * t.dim;
      float* to = t.q + i / kRows * kRows * t.dim + i % kRows;
      for (int64_t d = 0; d < t.dim; ++d) to[d * kRows] = q[d] * args.scale;
      for (int64_t d = 0; d < t.padded_dim; ++d) t.values[i * t.padded_dim + d] = 0.0f;
      for (int w = 0; w < 16; ++w) t.sums[i * 16 + w] = 0.0f;
      t.maximum[i] = kLowest;
      t.begin[i] = args.key_begin[row];
      t.end[i] = args.key_end[row];
    }
  }

  static void end_tile(const AttentionArgs& args, int64_t first, const Tile& t) {
    for (int i = 0; i < t.count; ++i) {
      const int64_t row = (first + i) / args.heads, head = (first + i) % args.heads;
      float* out = args.out + row * args.out_stride + head * t.dim;
      const float sum = S::sum_lanes(S::load(t.sums + i * 16));
      const float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
      for (int64_t d = 0; d < t.dim; ++d) out[d] = t.values[i * t.padded_dim + d] * inverse;
    }
  }

  /// Keys of the span at `key` that vector i sees: [lo, hi) within 0 … kSpan.
  static int lo(const Tile& t, int i, int64_t key) { return within_span(t.begin[i] - key); }
  static int hi(const Tile& t, int i, int64_t key) { return within_span(t.end[i] - key); }
  static int within_span(int64_t at) { return at > 0 ? static_cast<int>(least(at, kSpan)) : 0; }

  /// c (rows, kVectors·W) = c·shrink (nothing without) + a·b, over k; prefetches from `ahead` on as many elements as it
  /// reads of b.
  template <int kTileRows, int kVectors, int kARow, int kAStep, class B>
  static void product(int rows, const float* a, const B* b, int64_t b_stride, int64_t k, float* c, int64_t c_stride,
                      const float* shrink, const void* ahead) {
    if (rows < kTileRows) {
      if constexpr (kTileRows > 1)
        product<kTileRows - 1, kVectors, kARow, kAStep>(rows, a, b, b_stride, k, c, c_stride, shrink, ahead);
      return;
    }
    V acc[kTileRows][kVectors];
#pragma GCC unroll 16
    for (int r = 0; r < kTileRows; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v)
        acc[r][v] = shrink != nullptr ? S::mul(S::load(c + r * c_stride + v * W), S::set(shrink[r])) : S::zero();
    constexpr int kAhead = kVectors * W * static_cast<int>(sizeof(Element));
    accumulate<S, kTileRows, kVectors, 1, kAhead>(a, kARow, kAStep, b, b_stride, 0, k, acc,
                                                  static_cast<const char*>(ahead));
#pragma GCC unroll 16
    for (int r = 0; r < kTileRows; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) S::store(c + r * c_stride + v * W, acc[r][v]);
  }

  /// What a product prefetches while it reads `read`: of register tiles that read the same, the first one does.
  static const void* prefetched(int tile, const Element* ahead, const void* read) {
    return tile == 0 && ahead != nullptr ? ahead : read;  // lines that are there already: nothing
  }

  /// Scores of the block of keys that is the span's from `first` on.
  template <class K>
  static void score(const Tile& t, const K* k, int first, const Element* ahead) {
    for (int i = 0; i < t.count; i += kRows)
      product<kRows, kBlockVectors, 1, kRows>(t.count - i, t.q + i * t.dim, k, kKeys, t.dim,
                                              t.weights + i * kSpan + first, kSpan, nullptr, prefetched(i, ahead, k));
  }

  /// Scores of the span's first `keys` (whole blocks) → weights; updates maximum, shrink and sums.
  static void soften(const Tile& t, int64_t key, int keys) {
    for (int i = 0; i < t.count; ++i) {
      float* row = t.weights + i * kSpan;
      const int from = lo(t, i, key), to = hi(t, i, key);
      if (from >= to) {
        t.shrink[i] = 0.0f;  // e^0
        continue;
      }
      V m = S::set(kLowest);
      for (int w = 0; w < keys; w += W) {
        V s = S::load(row + w);
        if (to - from < keys) {
          s = S::keep(s, w, from, to);
          S::store(row + w, s);
        }
        m = S::max(m, s);
      }
      const float before = t.maximum[i], largest = S::max_lanes(m);
      t.maximum[i] = largest > before ? largest : before;
      t.shrink[i] = before - base(t, i);
    }
    for (int i = 0; i < t.count; i += W) S::store(t.shrink + i, exp_lanes<S>(S::load(t.shrink + i)));
    for (int i = 0; i < t.count; ++i) {
      float* row = t.weights + i * kSpan;
      if (lo(t, i, key) >= hi(t, i, key)) {
        for (int w = 0; w < keys; w += W) S::store(row + w, S::zero());
        continue;
      }
      const V largest = S::set(base(t, i));
      V sum = S::mul(S::load(t.sums + i * 16), S::set(t.shrink[i]));
      for (int w = 0; w < keys; w += W) {
        const V weight = exp_lanes<S>(S::sub(S::load(row + w), largest));
        S::store(row + w, weight);
        sum = S::add(sum, weight);
      }
      S::store(t.sums + i * 16, sum);
    }
  }
  /// What is subtracted before exp: the maximum, or 0 where it is infinite (no −∞ − −∞).
  static float base(const Tile& t, int i) { return __builtin_isinf(t.maximum[i]) ? 0.0f : t.maximum[i]; }

  template <int kColumns, class B>
  static void add_columns(const Tile& t, const B* v, int64_t v_stride, int from, int to, int64_t d,
                          const Element* ahead) {
    for (int i = 0; i < t.count; i += kRows)
      product<kRows, kColumns / W, kSpan, 1>(t.count - i, t.weights + i * kSpan + from, v + d, v_stride, to - from,
                                             t.values + i * t.padded_dim + d, t.padded_dim, t.shrink + i,
                                             prefetched(i, ahead, v + d));
  }
  /// v: the row of the span's key `from`; ahead: as many elements, or null.
  template <class B>
  static void add_values(const Tile& t, const B* v, int64_t v_stride, int from, int to, const Element* ahead) {
    const auto part = [&](int64_t d) { return ahead == nullptr ? nullptr : ahead + d * (to - from); };
    int64_t d = 0;
    for (; d + 32 <= v_stride; d += 32) add_columns<32>(t, v, v_stride, from, to, d, part(d));
    if (d + 16 <= v_stride) {
      add_columns<16>(t, v, v_stride, from, to, d, part(d));
      d += 16;
    }
    if constexpr (W <= 8)
      if (d < v_stride) add_columns<8>(t, v, v_stride, from, to, d, part(d));
  }

  /// Floats of a K block, in the same layout.
  static void widen_k(const Tile& t, const Element* k) {
    for (int64_t i = 0; i < kKeys * t.dim; i += W) S::store(t.k + i, S::load(k + i));
  }
  /// Floats of `tokens` rows of V, padded.
  static void widen_v(const Tile& t, const Element* v, int tokens) {
    for (int64_t token = 0; token < tokens; ++token)
      for (int64_t d = 0; d < t.padded_dim; d += W) {
        Element lanes[W] = {};
        const Element* from = v + token * t.dim + d;
        if (d + W > t.dim) {
          for (int64_t i = d; i < t.dim; ++i) lanes[i - d] = v[token * t.dim + i];
          from = lanes;
        }
        S::store(t.v + token * t.padded_dim + d, S::load(from));
      }
  }

  static void attend(const AttentionArgs& args) {
    Tile t = make_tile(args);
    const auto* k_blocks = static_cast<const Element*>(args.k_blocks);
    const auto* v_blocks = static_cast<const Element*>(args.v_blocks);
    const int64_t vectors = args.rows * args.heads;
    for (int64_t first = 0; first < vectors; first += kTile) {
      t.count = static_cast<int>(least(vectors - first, kTile));
      begin_tile(args, first, t);
      // Half blocks are widened once for many vectors; for one register tile in passing, which is cheaper. Same bits.
      const bool direct = t.dim % W == 0 && (sizeof(Element) == sizeof(float) || t.count <= kRows);
      int64_t begin = t.begin[0], end = t.end[0];
      for (int i = 1; i < t.count; ++i) {
        begin = t.begin[i] < begin ? t.begin[i] : begin;
        end = t.end[i] > end ? t.end[i] : end;
      }
      for (int64_t key = begin / kSpan * kSpan; key < end; key += kSpan) {
        int from = kSpan, to = 0;  // keys that some vector sees; slots outside may never have been written
        for (int i = 0; i < t.count; ++i) {
          if (lo(t, i, key) >= hi(t, i, key)) continue;
          from = lo(t, i, key) < from ? lo(t, i, key) : from;
          to = hi(t, i, key) > to ? hi(t, i, key) : to;
        }
        if (from >= to) continue;
        int block = from / kKeys * kKeys;
        for (; block < to; block += kKeys) {
          const Element* k = k_blocks + (key + block) * t.dim;
          if (direct) {
            score(t, k, block, v_blocks + (key + block) * t.dim);
          } else {
            widen_k(t, k);
            score(t, t.k, block, v_blocks + (key + block) * t.dim);
          }
        }
        soften(t, key, block);
        const Element* v = v_blocks + (key + from) * t.dim;
        const Element* next = key + 2 * kSpan <= end ? k_blocks + (key + kSpan) * t.dim : nullptr;
        if (direct) {
          add_values(t, v, t.dim, from, to, next);
        } else {
          widen_v(t, v, to - from);
          add_values(t, t.v, t.padded_dim, from, to, next);
        }
      }
      end_tile(args, first, t);
    }
  }

  static void store_k(const KvStoreArgs& args) {
    auto* block = static_cast<Element*>(args.block);
    for (int64_t d = 0; d < args.head_dim; d += 8) {
      Element lanes[16];
      narrow_8(args.row + d, lanes);
      for (int64_t i = 0; i < 8; ++i) block[(d + i) * kKvBlockTokens + args.slot] = lanes[i];
    }
  }
  static void store_v(const KvStoreArgs& args) {
    auto* row = static_cast<Element*>(args.block) + args.slot * args.head_dim;
    for (int64_t d = 0; d < args.head_dim; d += 8) {
      Element lanes[16];
      narrow_8(args.row + d, lanes);
      for (int64_t i = 0; i < 8; ++i) row[d + i] = lanes[i];
    }
  }
  static float kept_finite(float x, float) { return x; }
  static float kept_finite(float x, Half) { return held_by_f16(x); }
  static void narrow_8(const float* x, Element* lanes) {
    alignas(64) float copy[16] = {};
    for (int i = 0; i < 8; ++i) copy[i] = kept_finite(x[i], Element{});
    for (int i = 0; i < 8; i += W) S::store(lanes + i, S::load(copy + i));
  }
};

template <class S, int kRows>
SLM_ISA_ROW AttentionVariant attention_variant(Isa isa, KvStorage storage, const char* f32_name, const char* f16_name) {
  using F32 = BlockedAttention<S, float, kRows>;
  using F16 = BlockedAttention<S, Half, kRows>;
  if (storage == KvStorage::F16) return {isa, storage, f16_name, F16::store_k, F16::store_v, F16::attend};
  return {isa, storage, f32_name, F32::store_k, F32::store_v, F32::attend};
}

}  // namespace
}  // namespace slm::kernels
