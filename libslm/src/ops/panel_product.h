// SPDX-License-Identifier: Apache-2.0
// x times some panels of a packed matrix: what the ops that multiply with packed weights hand to their threads.
// In: a LinearInput, a PackedMatrix.  Out: columns of x·Wᵀ.  Next: kernels/packed_gemm.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "ops/grain.h"
#include "slm/ops/linear.h"

namespace slm {

class PanelProduct {
 public:
  /// Quantizes the rows of x as w's kernels read them, threaded, if that is not yet done.
  PanelProduct(LinearInput& input, const PackedMatrix& w, const std::optional<GridParams>& params)
      : w_(w), x_(input.x()) {
    SLM_CHECK(x_.columns == w.k(), "[linear] x is ({},{}), weight needs (…,{})", x_.rows, x_.columns, w.k());
    const ActivationScheme activations = info(w.scheme()).activations;
    SLM_CHECK(activations != ActivationScheme::F32 || !params, "[linear] static inputs for {} weights",
              name(w.scheme()));
    if (activations != ActivationScheme::F32)
      codes_ = params ? input.quantized(activations, *params) : input.quantized(activations);
  }

  int64_t panel_columns() const { return w_.variant().panel_columns; }
  int64_t rows() const { return x_.rows; }
  /// Panels a thread should get at least: one of a small matrix is less than a microsecond of work.
  int64_t grain() const { return slm::grain(x_.rows * w_.k() * panel_columns(), int64_t{1} << 16); }

  /// c (count, the columns of panels [begin, end)) = x·Wᵀ + bias of rows [row, row + count); bias: null, or from the
  /// first column on.
  void into(int64_t row, int64_t count, int64_t begin, int64_t end, const float* bias, float* c,
            int64_t c_stride) const {
    kernels::GemmArgs args{};
    if (codes_) {
      const QuantizedRows codes = codes_->from_row(row);
      args.a = codes.codes;
      args.a_stride = codes.columns;
      args.a_scales = codes.scales;
      args.a_offsets = codes.offsets;
    } else {
      args.a = x_.row(row);
      args.a_stride = x_.stride;
    }
    args.b = w_.panel(begin);
    args.bias = bias;
    args.c = c;
    args.c_stride = c_stride;
    args.m = count;
    args.n = std::min(end * panel_columns(), w_.n()) - begin * panel_columns();
    args.k = w_.k();
    w_.variant().gemm(args);
  }

 private:
  const PackedMatrix& w_;
  const ConstMatrixView x_;
  std::optional<QuantizedRows> codes_;  // none: float weights
};

}  // namespace slm
