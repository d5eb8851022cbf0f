// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/swiglu.h"

#include <algorithm>

#include "ops/panel_product.h"
#include "slm/core/check.h"
#include "slm/core/division.h"
#include "slm/core/parallel.h"

namespace slm {

void swiglu_into(const kernels::VecVariant& vec, ConstMatrixView gate, ConstMatrixView up, MatrixView y) {
  SLM_CHECK(gate.rows == up.rows && gate.columns == up.columns && y.rows == gate.rows && y.columns == gate.columns,
            "[swiglu] gate is ({},{}), up is ({},{}), y is ({},{})", gate.rows, gate.columns, up.rows, up.columns,
            y.rows, y.columns);
  parallel_for(gate.rows, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) vec.swiglu(gate.row(r), up.row(r), gate.columns, y.row(r));
  });
}

bool fuses_swiglu(const PackedMatrix& w) { return w.n() % (2 * int64_t{w.variant().panel_columns}) == 0; }

void swiglu_linear_into(const kernels::VecVariant& vec, LinearInput& input, const PackedMatrix& w,
                        std::span<float> scratch, MatrixView y) {
  const PanelProduct product(input, w, {});
  const int64_t rows = product.rows(), panels = w.panels() / 2, columns = product.panel_columns();
  SLM_CHECK(fuses_swiglu(w), "[swiglu] weight is ({},{}), expected a multiple of {} rows", w.n(), w.k(), 2 * columns);
  SLM_CHECK(rows > 0 && y.rows == rows && y.columns == w.n() / 2, "[swiglu] y is ({},{}), expected ({},{})", y.rows,
            y.columns, rows, w.n() / 2);
  const int64_t scratches = std::ssize(scratch) / kSwigluScratch;
  SLM_CHECK(scratches >= 1, "[swiglu] scratch has {} floats, a thread needs {}", scratch.size(), kSwigluScratch);
  // Rows by columns of a block: gate and up of it fill a thread's scratch. Kernels may take two panels at once.
  constexpr int64_t kBlockPanels = 4;
  const int64_t block_rows = std::min(rows, kSwigluScratch / (2 * kBlockPanels * columns));
  const int64_t block_panels = std::max(kBlockPanels, kSwigluScratch / (2 * columns * rows) / 2 * 2);
  const int64_t with_room = scratches >= num_threads() ? 1 : ceil_div(panels, scratches);
  parallel_for(panels, std::max(product.grain(), with_room), [&](int64_t begin, int64_t end, int thread) {
    float* const gate = scratch.data() + thread * kSwigluScratch;
    for (int64_t first = begin; first < end; first += block_panels) {
      const int64_t last = std::min(first + block_panels, end), width = (last - first) * columns;
      for (int64_t row = 0; row < rows; row += block_rows) {
        const int64_t count = std::min(block_rows, rows - row);
        float* const up = gate + count * width;
        product.into(row, count, first, last, nullptr, gate, width);
        product.into(row, count, panels + first, panels + last, nullptr, up, width);
        for (int64_t r = 0; r < count; ++r)
          vec.swiglu(gate + r * width, up + r * width, width, y.row(row + r) + first * columns);
      }
    }
  });
}

void swiglu_grad(const kernels::VecVariant& vec, ConstMatrixView gate, ConstMatrixView up, ConstMatrixView dy,
                 MatrixView dgate, MatrixView dup) {
  for (const ConstMatrixView& other : {up, dy, ConstMatrixView(dgate), ConstMatrixView(dup)})
    SLM_CHECK(other.rows == gate.rows && other.columns == gate.columns,
              "[swiglu_grad] gate is ({},{}), up, dy, dgate or dup is ({},{})", gate.rows, gate.columns, other.rows,
              other.columns);
  parallel_for(gate.rows, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      vec.swiglu_grad(gate.row(r), up.row(r), dy.row(r), gate.columns, dgate.row(r), dup.row(r));
  });
}

}  // namespace slm
