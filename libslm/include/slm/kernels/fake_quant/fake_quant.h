// SPDX-License-Identifier: Apache-2.0
// Fake quantization kernels: floats → what they become when they are stored and read back, in one pass. The rules are
// those of quant/grid.h, which is the norm: every variant equals it bit for bit. Plain data.
// Each row of the table is one instruction set; pointers may be unaligned; y may be x.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slm::kernels {

enum class Isa;

struct FakeQuantVariant {
  Isa isa;
  const char* name;
  /// Groups of 32 under Q4_0, Q4_1, Q8_0, and under a8g32 (activations). qmax is the largest code: 7, 15 and 127, or
  /// that of the same pattern with fewer bits (quant/scheme.h). n a multiple of 32. False where a value is not finite
  /// or a scale or minimum overflows its half: y then holds nothing of use.
  bool (*q4_0)(const float* x, int64_t n, int32_t qmax, float* y);
  bool (*q4_1)(const float* x, int64_t n, int32_t qmax, float* y);
  bool (*q8_0)(const float* x, int64_t n, int32_t qmax, float* y);
  bool (*a8g32)(const float* x, int64_t n, float* y);
  /// y[i] = scale · clamp(rint(x[i] · inverse), −127, 127), half to even; |x · inverse| < 2²². Any n.
  void (*symmetric)(const float* x, int64_t n, float inverse, float scale, float* y);
  /// gradient[i] = 0 where Q4_0 with that qmax clips x[i], the one of these grids that does. Finite x, n a multiple of
  /// 32.
  void (*mask_q4_0_)(const float* x, int64_t n, int32_t qmax, float* gradient);
  /// The blocks that q4_0, q4_1 and q8_0 read back, 18, 20 and 34 bytes for 32 values. False as above.
  bool (*encode_q4_0)(const float* x, int64_t n, int32_t qmax, uint8_t* blocks);
  bool (*encode_q4_1)(const float* x, int64_t n, int32_t qmax, uint8_t* blocks);
  bool (*encode_q8_0)(const float* x, int64_t n, int32_t qmax, uint8_t* blocks);
  /// codes[i] = rint(x[i] · inverse), half to even; |x · inverse| ≤ 127.5. Any n.
  void (*encode_symmetric)(const float* x, int64_t n, float inverse, int8_t* codes);
};

}  // namespace slm::kernels
