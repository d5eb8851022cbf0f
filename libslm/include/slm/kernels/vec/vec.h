// SPDX-License-Identifier: Apache-2.0
// Vector kernels: the small operations between the matrix products, one row at a time. Plain data.
// Each row of the table is one instruction set; all pointers may be unaligned; in-place use is allowed where noted.
#pragma once

#include <cstddef>
#include <cstdint>

#include "slm/kernels/packed_gemm.h"

namespace slm::kernels {

enum class Isa;

/// One step of AdamW (Loshchilov & Hutter 2019, algorithm 2, decay decoupled) on n parameters, in place, as PyTorch
/// orders it:  w −= decay·w;  m += keep1·(g − m);  v = beta2·v + keep2·g²;
///             w −= rate·m / (sqrt(v)·root_correction + eps)
struct AdamwArgs {
  float* w;
  const float* g;
  float *m, *v;
  int64_t n;
  float decay;         ///< learning rate · weight decay
  float keep1, keep2;  ///< 1 − beta1, 1 − beta2: subtracted in double, since 1 − float(0.999) is off by 1.3e-5 of it
  float beta2, eps;
  float rate;             ///< learning rate / (1 − beta1ᵗ)
  float root_correction;  ///< 1 / sqrt(1 − beta2ᵗ)
};

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
  /// 0 if amax is 0; offsets = kGroupOffset + kOffsetPerCode · Σ codes (packed_gemm.h) per group. Bit-equal to
  /// quant/grid. n a multiple of 32.
  void (*quantize_a8g32)(const float* x, int64_t n, int8_t* codes, float* scales, int32_t* offsets);
  /// a8t: one scale amax/127 for the row; code = rint(x · (127/amax)); *offset = kOffsetPerCode · Σ codes. n ≤ 131,072.
  /// Bit-equal to quant/grid. In both, codes are also 0 where 127/amax overflows (amax < 2⁻¹²¹) and where x holds ±∞ or
  /// NaN: the scale is then ∞ or NaN, too.
  void (*quantize_a8t)(const float* x, int64_t n, int8_t* codes, float* scale, int32_t* offset);
  /// max and Σ exp(x − max), for log-probabilities and KL: logsumexp = max + log(sum). The sum is carried in double.
  /// An infinite max is not subtracted, so logsumexp of a row with +∞ is +∞ and of all −∞ is −∞; a NaN makes sum NaN.
  void (*max_sum_exp)(const float* x, int64_t n, float* max, double* sum);
  /// Σ exp(factor · (x − base)), carried in double: what max_sum_exp gives at another temperature 1/factor. In this and
  /// the next two factor > 0, base is finite.
  double (*sum_exp)(const float* x, int64_t n, float factor, float base);
  /// y[i] += scale · exp(factor · (x[i] − base)): probabilities, added up; factor · (x − base) ≤ 88. Product
  /// and sum are two roundings, so that what is added and taken away again leaves 0.
  void (*add_exp)(const float* x, int64_t n, float factor, float base, float scale, float* y);
  /// Σ exp(factor · (p − base)) · (p − q), carried in double: the sum in KL(p ‖ q) of logits p and q.
  double (*sum_exp_difference)(const float* p, const float* q, int64_t n, float factor, float base);
  /// Gradient of rms_norm: with r = 1/sqrt(mean(x²) + eps) and s = Σ w·dy·x,
  /// dx[i] += r·w[i]·dy[i] − x[i]·r³·s/n. Returns r. The sums are carried in double.
  float (*rms_norm_grad)(const float* x, const float* w, const float* dy, float eps, int64_t n, float* dx);
  /// Gradient of swiglu: dgate += dy·up·σ(gate)·(1 + gate·(1 − σ(gate))), dup += dy·silu(gate).
  void (*swiglu_grad)(const float* gate, const float* up, const float* dy, int64_t n, float* dgate, float* dup);
  /// Σ x², carried in double.
  double (*sum_squares)(const float* x, int64_t n);
  /// y[i] *= factor
  void (*scale_)(float factor, int64_t n, float* y);
  void (*adamw_)(const AdamwArgs&);
  /// y[i] = value of the half / bfloat16 bits: exact.
  void (*f16_to_f32)(const uint16_t* x, int64_t n, float* y);
  void (*bf16_to_f32)(const uint16_t* x, int64_t n, float* y);
};

}  // namespace slm::kernels
