// SPDX-License-Identifier: Apache-2.0
// The walk of the integer GEMMs over C: blocks of rows of A that stay in the cache while all panels of B pass, and in
// each panel tiles of rows, the tallest first.
// In: GemmArgs, a Kernel.  Out: calls of its tile().  Included by ISA translation units only; internal linkage.
#pragma once

#include "slm/kernels/packed_gemm.h"

namespace slm::kernels {
namespace {

/// Kernel::tile<R>(args, row, first, panel, column) writes R rows of C from `row` on and Kernel::kTileColumns columns
/// from first + column on, as far as these exist; `panel` holds the columns from `first` on. A tile is a part of a
/// panel, or some panels that follow one another.
template <class Kernel, int R>
[[gnu::always_inline]] inline int64_t tiles_of(const GemmArgs& args, int64_t row, int64_t end, int64_t first,
                                               const std::byte* panel, int64_t column) {
  for (; row + R <= end; row += R) Kernel::template tile<R>(args, row, first, panel, column);
  return row;
}

/// kTallest and kRows: the heights of tiles, falling, down to 1.
template <class Kernel, int kTallest, int... kRows>
void walk_panels(const GemmArgs& args, size_t panel_bytes) {
  constexpr int64_t kStep = Kernel::kTileColumns > Kernel::kColumns ? Kernel::kTileColumns : Kernel::kColumns;
  static_assert(kStep % Kernel::kColumns == 0 && kStep % Kernel::kTileColumns == 0);
  const size_t step_bytes = panel_bytes * static_cast<size_t>(kStep / Kernel::kColumns);
  const int64_t tiles = Kernel::kBlockBytes / (kTallest * args.k);
  const int64_t block = kTallest * (tiles > 0 ? tiles : 1);
  for (int64_t begin = 0; begin < args.m; begin += block) {
    const int64_t end = args.m - begin < block ? args.m : begin + block;
    const std::byte* panel = args.b;
    for (int64_t first = 0; first < args.n; first += kStep, panel += step_bytes) {
      for (int64_t column = 0; column < kStep && first + column < args.n; column += Kernel::kTileColumns) {
        int64_t row = tiles_of<Kernel, kTallest>(args, begin, end, first, panel, column);
        ((row = tiles_of<Kernel, kRows>(args, row, end, first, panel, column)), ...);
      }
    }
  }
}

}  // namespace
}  // namespace slm::kernels
