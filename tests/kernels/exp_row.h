// SPDX-License-Identifier: Apache-2.0
#pragma once
// exp_lanes over a row, for the exp_<isa>_test.cpp files: each compiles it for its own instructions.
#include <cstdint>

#include "kernels/vec/simd_exp.h"

namespace slm::kernels {

/// y = eˣ over n values, n a multiple of 16.
template <class S>
void exp_row(const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; i += S::kWidth) S::store(y + i, exp_lanes<S>(S::load(x + i)));
}

}  // namespace slm::kernels
