// SPDX-License-Identifier: Apache-2.0
// Which kernel a scheme in groups of 32 is fake-quantized by.
#pragma once

#include <cstdint>

#include "slm/kernels/fake_quant/fake_quant.h"
#include "slm/quant/scheme.h"

namespace slm {

using GroupKernel = bool (*)(const float* x, int64_t n, float* y);

/// Null: none of these.
inline GroupKernel group_kernel(const kernels::FakeQuantVariant& kernels, WeightScheme scheme) {
  switch (scheme) {
    case WeightScheme::W8G32:
      return kernels.q8_0;
    case WeightScheme::W4G32:
      return kernels.q4_0;
    case WeightScheme::W4G32A:
      return kernels.q4_1;
    default:
      return nullptr;
  }
}

}  // namespace slm
