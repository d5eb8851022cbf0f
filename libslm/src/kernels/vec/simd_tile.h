// SPDX-License-Identifier: Apache-2.0
// The register tile every float product is made of:  acc[r][v] = fma(a[r][j], b[j][v], acc[r][v]),  j = 0 … k−1 in this
// order. The order of one output element depends on nothing else: not on the tile's size, the ISA or the neighbours.
// Included by ISA translation units only; internal linkage.
#pragma once

#include <cstdint>

namespace slm::kernels {
namespace {

/// a (kRows, k): row r, element j at a + r·a_row + j·a_step. b: kVectors·kWidth columns in kPanels equal panels; row j
/// of panel p is at b + p·panel_stride + j·b_stride. kAhead: bytes asked for at each j, from `ahead` on, into
/// the L2 cache: what is asked into the L1 waits in line with the loads.
template <class S, int kRows, int kVectors, int kPanels = 1, int kAhead = 0, class Element>
[[gnu::always_inline]] inline void accumulate(const float* a, int64_t a_row, int64_t a_step, const Element* b,
                                              int64_t b_stride, int64_t panel_stride, int64_t k,
                                              typename S::V (&acc)[kRows][kVectors], const char* ahead = nullptr) {
  constexpr int kPanelVectors = kVectors / kPanels;
  for (int64_t j = 0; j < k; ++j) {
    for (int line = 0; line < kAhead; line += 64) __builtin_prefetch(ahead + j * kAhead + line, 0, 2);
    const auto column = [&](int v) {
      return S::load(b + (v / kPanelVectors) * panel_stride + (v % kPanelVectors) * S::kWidth);
    };
    const auto element = [&](int r) { return S::set(a[r * a_row + j * a_step]); };
    if constexpr (kRows < kVectors) {  // the shorter side waits in registers, or the sums lose theirs
      typename S::V x[kRows];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) x[r] = element(r);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        const typename S::V y = column(v);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) acc[r][v] = S::fma(x[r], y, acc[r][v]);
      }
    } else {
      typename S::V y[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) y[v] = column(v);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const typename S::V x = element(r);
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) acc[r][v] = S::fma(x, y[v], acc[r][v]);
      }
    }
    b += b_stride;
  }
}

}  // namespace
}  // namespace slm::kernels
