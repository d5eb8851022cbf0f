// SPDX-License-Identifier: Apache-2.0
// WeightView: the float weights of a matrix as the network in training sees them: as they are, or through their
// quantizer (fake_quant.h), any piece at a time, so that a quantized copy never exists as a whole.
// In: weights (n,k).  Out: pieces of Ŵ, and the gradient's clip mask.  Next: ops/float_linear.h, autograd/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "slm/kernels/fake_quant/fake_quant.h"
#include "slm/quant/grid.h"
#include "slm/quant/scheme.h"

namespace slm {

class WeightView {
 public:
  /// The weights, which must outlive the view and stay as they are. No scheme: as they are. Scales of rows or of the
  /// tensor are found here: one pass. Throws ArgumentError on sizes, as check_depth, on a weight that is not finite
  /// (where rows have scales).
  WeightView(std::span<const float> weights, int64_t n, int64_t k, std::optional<WeightScheme> scheme = {});

  int64_t n() const { return n_; }
  int64_t k() const { return k_; }
  /// The weights themselves where no quantizer stands between, else null.
  const float* plain() const { return scheme_ == nullptr ? weights_.data() : nullptr; }
  /// Null where no quantizer stands between.
  const WeightSchemeInfo* scheme() const { return scheme_; }
  /// Pieces begin and end at multiples of this many columns.
  int64_t unit() const;

  /// Ŵ[row_begin … row_end)[column_begin … column_end) → out, rows one after another. Bit for bit what fake_quant gives
  /// of the whole matrix (N2). Throws ArgumentError on a piece that is none, a weight that is not finite or overflows.
  void read(int64_t row_begin, int64_t row_end, int64_t column_begin, int64_t column_end, std::span<float> out) const;

  /// Row r as a file stores it, for the kernels that will read it: decodes to what read() gives. *row_scale is written
  /// where the scheme has row scales. Throws as read(); ArgumentError without a scheme, on another number of bytes.
  void encode_row(int64_t r, std::span<std::byte> row, float* row_scale) const;

  /// Straight-through estimator: gradient (n,k) becomes 0 where the quantizer clips the weight. Threaded over rows.
  void mask_clipped_(std::span<float> gradient) const;

 private:
  void read_row(int64_t r, std::span<const float> from, std::span<float> to) const;
  std::span<const float> weights_;
  int64_t n_, k_;
  const WeightSchemeInfo* scheme_;  // null: as they are
  const kernels::FakeQuantVariant* kernel_;
  std::vector<GridParams> row_params_;  // by row, where no groups have their own
};

}  // namespace slm
