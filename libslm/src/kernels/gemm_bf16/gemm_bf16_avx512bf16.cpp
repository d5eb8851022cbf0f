// SPDX-License-Identifier: Apache-2.0
// gemm_bf16 for AVX-512 with dpbf16ps: a 12×32 register tile (24 sums, two vectors of B, one broadcast pair of A).
//
// Cache blocking: columns ⊃ k ⊃ rows ⊃ panels ⊃ tiles. What a step of columns and k takes of B stays in the L2 cache
// for all rows; a block of A is rounded once, to the stack, for all panels of the step, a panel's strip stays in the L1
// cache for all tiles of the block. Between steps of k the sums rest in c.
#include "kernels/avx512_intrinsics.h"
#include "kernels/gemm_bf16/gemm_bf16_isas.h"
#include "kernels/isa_row.h"
#include "kernels/least.h"

namespace slm::kernels {
namespace {

constexpr int kRows = 12;
constexpr int64_t kColumnStep = 512, kRowStep = 96;
constexpr int64_t kBlockStride = kBf16DepthStep / 2 + 16;  // pairs; no power of two, whose rows would share cache sets
constexpr int64_t kPairBytes = kBf16PanelColumns * 4;

__mmask16 first_lanes(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xffffu : count <= 0 ? 0u : (1u << count) - 1u);
}

/// Up to 32 floats, then zeros, as 16 pairs.
[[gnu::always_inline]] inline __m512i pairs_of(const float* from, int64_t count) {
  if (count >= 32)
    return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + 16), _mm512_loadu_ps(from)));
  const __m512 low = _mm512_maskz_loadu_ps(first_lanes(count), from);
  const __m512 high = count > 16 ? _mm512_maskz_loadu_ps(first_lanes(count - 16), from + 16) : _mm512_setzero_ps();
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

void pack(const PackArgs& args) {
  auto* panel = reinterpret_cast<uint32_t*>(args.panel);
  for (int64_t j = 0; j < args.k; j += 32) {
    const int64_t pairs = least(16, (args.k - j + 1) / 2);
    for (int64_t c = 0; c < kBf16PanelColumns; ++c) {
      alignas(64) uint32_t row[16] = {};
      if (c < args.count)
        _mm512_store_si512(row, pairs_of(reinterpret_cast<const float*>(args.rows[c]) + j, args.k - j));
      for (int64_t p = 0; p < pairs; ++p) panel[p * kBf16PanelColumns + c] = row[p];
    }
    panel += pairs * kBf16PanelColumns;
  }
}

void pack_columns(const PackColumnsArgs& args) {
  alignas(64) uint16_t order[32];  // low halves are one row's 16 columns, high halves the next one's
  for (int i = 0; i < 32; ++i) order[i] = static_cast<uint16_t>(i % 2 * 16 + i / 2);
  const __m512i interleave = _mm512_load_si512(order);
  std::byte* to = args.panel + args.begin / 2 * kPairBytes;
  for (int64_t j = 0; j < args.rows; j += 2, to += kPairBytes)
    for (int64_t c = 0; c < kBf16PanelColumns; c += 16) {
      const __mmask16 mask = first_lanes(args.count - c);
      const float* from = args.source + j * args.stride + c;
      const __m512 even = _mm512_maskz_loadu_ps(mask, from);
      const __m512 odd = j + 1 < args.rows ? _mm512_maskz_loadu_ps(mask, from + args.stride) : _mm512_setzero_ps();
      const auto rows = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even));
      _mm512_storeu_si512(to + c * 4, _mm512_permutexvar_epi16(interleave, rows));
    }
}

/// A step of the product: its sums are c, or added to it; the last one adds the bias. The tile has `columns` columns.
struct Step {
  int64_t pairs;
  bool add;
  const float* bias;
  int64_t columns;
};

template <int R>
[[gnu::always_inline]] inline void tile(const uint32_t* a, const std::byte* b, const Step& step, float* c,
                                        int64_t c_stride) {
  const __mmask16 mask[2] = {first_lanes(step.columns), first_lanes(step.columns - 16)};
  __m512 acc[R][2];
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
    acc[r][0] = acc[r][1] = _mm512_setzero_ps();
    if (step.add) {  // needed when the sums are made
      _mm_prefetch(reinterpret_cast<const char*>(c + r * c_stride), _MM_HINT_T0);
      _mm_prefetch(reinterpret_cast<const char*>(c + r * c_stride + 16), _MM_HINT_T0);
    }
  }
  for (int64_t p = 0; p < step.pairs; ++p, b += kPairBytes) {
    const auto b0 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b));
    const auto b1 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + 64));
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const auto pair = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(a[r * kBlockStride + p])));
      acc[r][0] = _mm512_dpbf16_ps(acc[r][0], pair, b0);
      acc[r][1] = _mm512_dpbf16_ps(acc[r][1], pair, b1);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      if (step.add) acc[r][v] = _mm512_add_ps(_mm512_maskz_loadu_ps(mask[v], c + r * c_stride + 16 * v), acc[r][v]);
      if (step.bias != nullptr)
        acc[r][v] = _mm512_add_ps(acc[r][v], _mm512_maskz_loadu_ps(mask[v], step.bias + 16 * v));
      _mm512_mask_storeu_ps(c + r * c_stride + 16 * v, mask[v], acc[r][v]);
    }
}

template <int R>
void tile_of(int64_t rows, const uint32_t* a, const std::byte* b, const Step& step, float* c, int64_t c_stride) {
  if (rows >= R) {
    tile<R>(a, b, step, c, c_stride);
  } else if constexpr (R > 1) {
    tile_of<R - 1>(rows, a, b, step, c, c_stride);
  }
}

/// Rows of A, a step of k.
struct Block {
  int64_t row, rows, k, depth;
};
Block block_at(const GemmArgs& args, int64_t row, int64_t k) {
  return {row, least(kRowStep, args.m - row), k, least(kBf16DepthStep, args.k - k)};
}

/// c of a block of A × columns [n0, n1). Meanwhile `next` is fetched: rows a stride apart, which no hardware foresees.
void add_block(const GemmArgs& args, const Block& at, int64_t n0, int64_t n1, const Block& next) {
  const auto* a = static_cast<const float*>(args.a);
  alignas(64) uint32_t block[kRowStep * kBlockStride];
  for (int64_t r = 0; r < at.rows; ++r) {
    const float* from = a + (at.row + r) * args.a_stride + at.k;
    for (int64_t j = 0; j < at.depth; j += 32)
      _mm512_store_si512(block + r * kBlockStride + j / 2, pairs_of(from + j, at.depth - j));
  }
  const bool last = at.k + at.depth == args.k;
  int64_t fetched = 0;
  for (int64_t n = n0; n < n1; n += kBf16PanelColumns) {
    const std::byte* strip =
        args.b + static_cast<size_t>(n / kBf16PanelColumns) * bf16_panel_bytes(args.k) + at.k / 2 * kPairBytes;
    const Step step{(at.depth + 1) / 2, at.k > 0 || args.accumulate,
                    last && args.bias != nullptr ? args.bias + n : nullptr, args.n - n};
    for (int64_t i = 0, height; i < at.rows; i += height) {  // tiles of nearly equal height
      const int64_t tiles = (at.rows - i + kRows - 1) / kRows;
      height = (at.rows - i + tiles - 1) / tiles;
      tile_of<kRows>(height, block + i * kBlockStride, strip, step, args.c + (at.row + i) * args.c_stride + n,
                     args.c_stride);
    }
    const int64_t until = next.rows * (n + kBf16PanelColumns - n0) / (n1 - n0);
    for (; fetched < least(until, next.rows); ++fetched)
      for (int64_t j = 0; j < next.depth; j += 16)
        _mm_prefetch(reinterpret_cast<const char*>(a + (next.row + fetched) * args.a_stride + next.k + j), _MM_HINT_T1);
  }
}

void gemm(const GemmArgs& args) {
  for (int64_t n0 = 0; n0 < args.n; n0 += kColumnStep) {
    const int64_t n1 = least(n0 + kColumnStep, args.n);
    for (int64_t k0 = 0; k0 < args.k; k0 += kBf16DepthStep)
      for (int64_t i0 = 0; i0 < args.m; i0 += kRowStep) {
        Block next{};
        if (i0 + kRowStep < args.m)
          next = block_at(args, i0 + kRowStep, k0);
        else if (k0 + kBf16DepthStep < args.k)
          next = block_at(args, 0, k0 + kBf16DepthStep);
        add_block(args, block_at(args, i0, k0), n0, n1, next);
      }
  }
}

}  // namespace

SLM_ISA_ROW GemmVariant gemm_bf16_avx512bf16(Isa isa) {
  return gemm_bf16_row(isa, "bf16_compute_12x32_avx512bf16", pack, pack_columns, gemm);
}

}  // namespace slm::kernels
