// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding, Su et al. 2021 (arXiv:2104.09864), eq. 34, in the "rotate half" layout of Hugging Face:
//   (x_i, x_{i+d/2}) → (x_i·cos − x_{i+d/2}·sin, x_{i+d/2}·cos + x_i·sin),  angle = position · theta^(−2i/d)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "slm/core/matrix_view.h"
#include "slm/kernels/vec/vec.h"

namespace slm {

/// Cosines and sines of the rows at hand. Frequencies and angles are float32, as in transformers.
class RopeAngles {
 public:
  /// theta^(−2i / rotary_dim) for i < rotary_dim / 2, and room for `max_rows` rows of a step. Throws ArgumentError:
  /// rotary_dim not even and positive, theta not above 0, max_rows negative.
  RopeAngles(int64_t rotary_dim, double theta, int64_t max_rows);
  /// One row for each position. Does not allocate. Throws ArgumentError on more rows than there is room for.
  void set(std::span<const int32_t> positions);
  int64_t rows() const { return rows_; }
  int64_t half() const { return static_cast<int64_t>(frequencies_.size()); }
  const float* cos(int64_t row) const { return cos_.data() + row * half(); }
  const float* sin(int64_t row) const { return sin_.data() + row * half(); }

 private:
  std::vector<float> frequencies_, cos_, sin_;
  int64_t rows_ = 0;
};

/// Rotates every head of x (T, H·Dh) in place. Rotary dims = 2·angles.half(), the rest of a head is left alone.
/// Throws ArgumentError where x has more rows than angles, or columns that are no whole number of heads.
void rope_(const kernels::VecVariant& vec, const RopeAngles& angles, int64_t head_dim, MatrixView x);

/// Gradient: the rotation back, by the same angles with the sign turned. In place on dy, which becomes dx.
/// Throws as rope_.
void rope_grad_(const kernels::VecVariant& vec, const RopeAngles& angles, int64_t head_dim, MatrixView dy);

}  // namespace slm
