// SPDX-License-Identifier: Apache-2.0
// Float GEMM on Simd lanes, written once for all instruction sets.
// In: a (m,k) row-major, panels of B.  Out: c (m,n).  Included by ISA translation units only; internal linkage.
//
// Cache blocking inside the call, as in Goto & van de Geijn 2008, without copying A:
//   columns ⊃ rows ⊃ k ⊃ panels ⊃ register tiles       k step: one panel strip of at most 24 KiB stays in L1
//                                                      row and column steps: strips of A, B and C stay in L2 (less
//                                                      than 512 KiB together)
// Between k steps the partial sums rest in c, so that the order of additions stays j = 0 … k−1.
#pragma once

#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "kernels/least.h"
#include "kernels/vec/simd_elements.h"
#include "kernels/vec/simd_tile.h"
#include "slm/kernels/packed_gemm.h"

namespace slm::kernels {
namespace {

/// kRows × kColumns: the register tile; kAccumulators: vector registers it may use for sums.
template <class S, class Element, int kRows, int kColumns, int kAccumulators>
struct PanelGemm {
  static constexpr int kPanelVectors = kColumns / S::kWidth;
  static constexpr int64_t kDepthStep = 24576 / (kColumns * 4);
  static constexpr int64_t kRowStep = 196608 / (kDepthStep * 4) / kRows * kRows;
  static constexpr int64_t kColumnStep = 128;

  /// Which part of k a tile adds: the first starts from zero, the last adds the bias.
  struct Part {
    int64_t k;
    bool first, last;
  };
  struct Target {
    float* c;
    int64_t stride;
    const float* bias;  ///< of the tile's first column, or null
    int64_t columns;    ///< that exist, ≤ the tile's
  };

  /// Panels one pass with few rows takes at once: enough independent sums to hide the latency of an fma.
  static constexpr int panels_for(int rows) {
    const int fit = kAccumulators / (rows * kPanelVectors);
    return fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
  }

  template <int kTileRows, int kPanels>
  static void tile(const float* a, int64_t a_stride, const Element* b, int64_t panel_stride, const Part& part,
                   const Target& t) {
    constexpr int kVectors = kPanels * kPanelVectors;
    if (t.columns < kPanels * kColumns) {  // the matrix ends inside: work on a copy of the tile
      alignas(64) float copy[kTileRows * kPanels * kColumns];
      alignas(64) float bias[kPanels * kColumns];
      for (int64_t j = 0; j < kPanels * kColumns; ++j) bias[j] = t.bias != nullptr && j < t.columns ? t.bias[j] : 0.0f;
      for (int64_t i = 0; i < kTileRows; ++i)
        for (int64_t j = 0; j < kPanels * kColumns; ++j)
          copy[i * kPanels * kColumns + j] = !part.first && j < t.columns ? t.c[i * t.stride + j] : 0.0f;
      const Target whole{copy, kPanels * kColumns, t.bias != nullptr ? bias : nullptr, kPanels * kColumns};
      tile<kTileRows, kPanels>(a, a_stride, b, panel_stride, part, whole);
      for (int64_t i = 0; i < kTileRows; ++i)
        for (int64_t j = 0; j < t.columns; ++j) t.c[i * t.stride + j] = copy[i * kPanels * kColumns + j];
      return;
    }
    typename S::V acc[kTileRows][kVectors];
#pragma GCC unroll 16
    for (int r = 0; r < kTileRows; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = S::zero();
    if (!part.first)
#pragma GCC unroll 16
      for (int r = 0; r < kTileRows; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) acc[r][v] = S::load(t.c + r * t.stride + v * S::kWidth);
    accumulate<S, kTileRows, kVectors, kPanels>(a, a_stride, 1, b, kColumns, panel_stride, part.k, acc);
    if (part.last && t.bias != nullptr)
#pragma GCC unroll 16
      for (int r = 0; r < kTileRows; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) acc[r][v] = S::add(acc[r][v], S::load(t.bias + v * S::kWidth));
#pragma GCC unroll 16
    for (int r = 0; r < kTileRows; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) S::store(t.c + r * t.stride + v * S::kWidth, acc[r][v]);
  }

  template <int kTileRows>
  static void tile_of(int64_t rows, const float* a, int64_t a_stride, const Element* b, int64_t panel_stride,
                      const Part& part, const Target& t) {
    if (rows >= kTileRows) {
      tile<kTileRows, 1>(a, a_stride, b, panel_stride, part, t);
    } else if constexpr (kTileRows > 1) {
      tile_of<kTileRows - 1>(rows, a, a_stride, b, panel_stride, part, t);
    }
  }

  /// m ≤ kRows: each panel is read once, from memory; several at a time.
  template <int kTileRows>
  static void few_rows(const GemmArgs& args, int64_t panel_stride) {
    if (args.m < kTileRows) {
      if constexpr (kTileRows > 1) few_rows<kTileRows - 1>(args, panel_stride);
      return;
    }
    constexpr int kPanels = panels_for(kTileRows);
    const auto* a = static_cast<const float*>(args.a);
    const auto* b = reinterpret_cast<const Element*>(args.b);
    const Part all{args.k, !args.accumulate, true};
    int64_t n = 0;
    for (; n + kPanels * kColumns <= args.n; n += kPanels * kColumns)
      tile<kTileRows, kPanels>(a, args.a_stride, b + n / kColumns * panel_stride, panel_stride, all,
                               target(args, 0, n));
    for (; n < args.n; n += kColumns)
      tile<kTileRows, 1>(a, args.a_stride, b + n / kColumns * panel_stride, panel_stride, all, target(args, 0, n));
  }

  static Target target(const GemmArgs& args, int64_t i, int64_t n) {
    return {args.c + i * args.c_stride + n, args.c_stride, args.bias != nullptr ? args.bias + n : nullptr, args.n - n};
  }

  static void gemm(const GemmArgs& args) {
    const int64_t panel_stride = panel_bytes(args.k, kColumns, sizeof(Element)) / static_cast<int64_t>(sizeof(Element));
    if (args.m <= kRows) return few_rows<kRows>(args, panel_stride);
    const auto* a = static_cast<const float*>(args.a);
    const auto* b = reinterpret_cast<const Element*>(args.b);
    for (int64_t n0 = 0; n0 < args.n; n0 += kColumnStep)
      for (int64_t i0 = 0; i0 < args.m; i0 += kRowStep)
        for (int64_t k0 = 0; k0 < args.k; k0 += kDepthStep) {
          const int64_t k1 = least(args.k, k0 + kDepthStep);
          const Part part{k1 - k0, k0 == 0 && !args.accumulate, k1 == args.k};
          for (int64_t n = n0; n < least(args.n, n0 + kColumnStep); n += kColumns) {
            const Element* panel = b + n / kColumns * panel_stride + k0 * kColumns;
            const int64_t i1 = least(args.m, i0 + kRowStep);
            for (int64_t i = i0, rows; i < i1; i += rows) {  // tiles of nearly equal height
              const int64_t tiles = (i1 - i + kRows - 1) / kRows;
              rows = (i1 - i + tiles - 1) / tiles;
              tile_of<kRows>(rows, a + i * args.a_stride + k0, args.a_stride, panel, panel_stride, part,
                             target(args, i, n));
            }
          }
        }
  }
};

}  // namespace
}  // namespace slm::kernels
