// SPDX-License-Identifier: Apache-2.0
// Vector kernels: the small operations between the matrix products, one row at a time. Plain data.
// Each row of the table is one instruction set; all pointers may be unaligned; in-place use is allowed where noted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slm::kernels {

enum class Isa;

struct VecVariant {
  Isa isa;
  const char* name;
  /// y[i] = x[i] · w[i] / sqrt(mean(x²) + eps). Zhang & Sennrich 2019, eq. 4. y may be x. The mean is taken in double.
  void (*rms_norm)(const float* x, const float* w, float eps, int64_t n, float* y);
  /// y[i] += x[i]
  void (*add_)(const float* x, int64_t n, float* y);
  /// y[i] = silu(gate[i]) · up[i], silu(z) = z / (1 + e⁻ᶻ). y may be gate.
  void (*swiglu)(const float* gate, const float* up, int64_t n, float* y);
  /// Rotates pairs (x[i], x[i+half]), i < half, by the angles whose cosines and sines are given ("rotate half", as in
  /// Hugging Face). In place on one head of 2·half values. Su et al. 2021, eq. 34.
  void (*rope)(float* x, const float* cos, const float* sin, int64_t half);
  /// a8g32: per 32 values amax = max|x|, scale = f16(amax/127) as float, code = rint(x · (127/amax)) half to even,
  /// 0 if amax is 0; sums = Σ codes per group. Bit-equal to quant/grid. n a multiple of 32.
  void (*quantize_a8g32)(const float* x, int64_t n, int8_t* codes, float* scales, int32_t* sums);
  /// a8t: one scale amax/127 for the row; code = rint(x · (127/amax)). *sum = Σ codes. Bit-equal to quant/grid.
  /// In both, codes are also 0 where 127/amax overflows (amax < 2⁻¹²¹) and where x holds ±∞ or NaN: the scale is then
  /// ∞ or NaN, too.
  void (*quantize_a8t)(const float* x, int64_t n, int8_t* codes, float* scale, int32_t* sum);
  /// max and Σ exp(x − max), for log-probabilities and KL: logsumexp = max + log(sum). The sum is carried in double.
  /// An infinite max is not subtracted, so logsumexp of a row with +∞ is +∞ and of all −∞ is −∞; a NaN makes sum NaN.
  void (*max_sum_exp)(const float* x, int64_t n, float* max, double* sum);
  /// y[i] = value of the half / bfloat16 bits: exact.
  void (*f16_to_f32)(const uint16_t* x, int64_t n, float* y);
  void (*bf16_to_f32)(const uint16_t* x, int64_t n, float* y);
};

}  // namespace slm::kernels
