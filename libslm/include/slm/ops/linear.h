// SPDX-License-Identifier: Apache-2.0
// Linear: y = x·Wᵀ + b on packed weights (numerics N4: equals the float product of the quantizer's x̂ and Ŵ within a
// derived bound). LinearInput holds the rows of x and their quantized forms; each form is made once, however many
// linears share the input. In: rows of float.  Out: rows of float.  The loops: kernels/gemm_*.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "slm/core/aligned_buffer.h"
#include "slm/core/matrix_view.h"
#include "slm/kernels/vec/vec.h"
#include "slm/quant/pack.h"

namespace slm {

/// Rows quantized for the integer kernels: int8 codes (m,k), scales and offsets (packed_gemm.h) per 32 values (a8g32)
/// or per row (a8t).
struct QuantizedRows {
  int8_t* codes;
  float* scales;
  int32_t* offsets;
  int64_t columns = 0, groups = 0;  ///< of a row: k, and its scales
  QuantizedRows from_row(int64_t r) const {
    return {codes + r * columns, scales + r * groups, offsets + r * groups, columns, groups};
  }
};

class LinearInput {
 public:
  /// Room for (max_rows, max_k). Nothing later allocates, but the first fake_quantized.
  LinearInput(const kernels::VecVariant& vec, int64_t max_rows, int64_t max_k);

  /// Forgets the quantized forms. Throws ArgumentError where x is larger than the room for it.
  void set(ConstMatrixView x);
  ConstMatrixView x() const { return x_; }
  /// The rows under an activation scheme; quantized by N1 at the first call. Threaded over rows.
  /// Throws ArgumentError where a8g32 meets columns that are no multiple of 32, a8t more than 131,072.
  const QuantizedRows& quantized(ActivationScheme scheme);
  /// The rows as codes of kGridA8S with parameters found beforehand (a8s), laid out as kernels for `layout` read them,
  /// the scale repeated. What the zero point adds to a product is in add_zero_correction_. Throws as above.
  const QuantizedRows& quantized(ActivationScheme layout, const GridParams& params);
  /// The values of the quantized rows, in a buffer of its own. Throws as quantized(). Cost: one pass.
  ConstMatrixView fake_quantized(ActivationScheme scheme);

 private:
  void lay_out(ActivationScheme scheme);  // checks the columns
  const kernels::VecVariant& vec_;
  int64_t max_rows_, max_k_;
  ConstMatrixView x_;
  AlignedBuffer codes_, scales_, offsets_, values_;
  QuantizedRows rows_{};
  ActivationScheme made_ = ActivationScheme::F32;
  std::optional<GridParams> made_by_;  ///< static parameters of what was made
};

/// bias − s·zero·Σ row: of one output, see add_zero_correction_. Throws NotFiniteError where float32 does not hold it.
float zero_corrected(float bias, std::span<const float> row, const GridParams& input);

/// With static inputs x̂ = s·(code − zero) the kernels sum s·code·ŵ: bias[n] −= s·zero·Σ_k ŵ[n,k] makes it right.
/// Throws as zero_corrected; ArgumentError where bias has not n values. Cost: decodes all rows; once, on loading.
void add_zero_correction_(const PackedMatrix& w, const GridParams& input, std::span<float> bias);

/// y (m,n) = x (m,k) · w (n,k)ᵀ + bias (n, or empty). Only y is written. Throws ArgumentError on shapes.
/// Threads split the columns; the kernels cut blocks for the caches. Cost: 2·m·n·k.
/// `params`: inputs are static, the bias has its zero correction; not for float weights.
void linear_into(LinearInput& input, const PackedMatrix& w, std::span<const float> bias, MatrixView y,
                 const std::optional<GridParams>& params = {});

}  // namespace slm
