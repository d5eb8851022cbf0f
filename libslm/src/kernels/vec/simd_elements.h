// SPDX-License-Identifier: Apache-2.0
// The 16-bit element types as distinct types, so that Simd::load can widen by overload.
// Plain data: ISA translation units may include it.
#pragma once

#include <cstdint>

namespace slm::kernels {

struct Half {
  uint16_t bits;
};
struct Bfloat {
  uint16_t bits;
};

}  // namespace slm::kernels
