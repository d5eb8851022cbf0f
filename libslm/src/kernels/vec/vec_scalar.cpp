// SPDX-License-Identifier: Apache-2.0
// Vector kernels, plain: the formulas of vec.h, as they stand there.
#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/vec/quantize_rule.h"
#include "kernels/vec/vec_isas.h"
#include "kernels/vec/vec_row.h"
#include "slm/core/dtype.h"

namespace slm::kernels {
namespace {

struct PlainVec {
  static double sum_squares(const float* x, int64_t n) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    return sum;
  }

  static double inverse_rms(const float* x, int64_t n, float eps) {
    return 1.0 / std::sqrt(sum_squares(x, n) / static_cast<double>(n) + static_cast<double>(eps));
  }

  static void rms_norm(const float* x, const float* w, float eps, int64_t n, float* y) {
    const auto inverse = static_cast<float>(inverse_rms(x, n, eps));
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * inverse * w[i];
  }

  static void add_(const float* x, int64_t n, float* y) {
    for (int64_t i = 0; i < n; ++i) y[i] += x[i];
  }

  static void swiglu(const float* gate, const float* up, int64_t n, float* y) {
    for (int64_t i = 0; i < n; ++i) {
      const float z = gate[i];
      const float t = std::exp(-std::fabs(z));  // ≤ 1: no overflow on either side
      y[i] = z * (z < 0.0f ? t : 1.0f) / (1.0f + t) * up[i];
    }
  }

  static void rope(float* x, const float* cos, const float* sin, int64_t half) {
    for (int64_t i = 0; i < half; ++i) {
      const float a = x[i], b = x[i + half];
      x[i] = a * cos[i] - b * sin[i];
      x[i + half] = b * cos[i] + a * sin[i];
    }
  }

  static QuantizeRule rule_of(const float* x, int64_t n) {
    uint32_t amax_bits = 0;
    for (int64_t i = 0; i < n; ++i) amax_bits = std::max(amax_bits, std::bit_cast<uint32_t>(x[i]) & 0x7fffffffu);
    return quantize_rule(amax_bits);
  }

  static int32_t encode(const float* x, int64_t n, float inverse, int8_t* codes) {
    int32_t sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      codes[i] = inverse == 0.0f ? int8_t{0} : static_cast<int8_t>(std::nearbyint(x[i] * inverse));
      sum += codes[i];
    }
    return sum;
  }

  static void quantize_a8g32(const float* x, int64_t n, int8_t* codes, float* scales, int32_t* offsets) {
    for (int64_t g = 0; g < n / 32; ++g) {
      const QuantizeRule rule = rule_of(x + 32 * g, 32);
      scales[g] = slm::f16_to_f32(f32_to_f16(rule.scale));
      offsets[g] = group_offset(encode(x + 32 * g, 32, rule.inverse, codes + 32 * g));
    }
  }

  static void quantize_a8t(const float* x, int64_t n, int8_t* codes, float* scale, int32_t* offset) {
    const QuantizeRule rule = rule_of(x, n);
    *scale = rule.scale;
    *offset = kOffsetPerCode * encode(x, n, rule.inverse, codes);
  }

  static void max_sum_exp(const float* x, int64_t n, float* max, double* sum) {
    float m = x[0];
    for (int64_t i = 1; i < n; ++i) m = std::max(m, x[i]);
    *max = m;
    const float base = std::isinf(m) ? 0.0f : m;
    double total = 0.0;
    for (int64_t i = 0; i < n; ++i) total += static_cast<double>(std::exp(x[i] - base));
    *sum = total;
  }

  static double sum_exp(const float* x, int64_t n, float factor, float base) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(std::exp(factor * (x[i] - base)));
    return sum;
  }

  static void add_exp(const float* x, int64_t n, float factor, float base, float scale, float* y) {
    for (int64_t i = 0; i < n; ++i) y[i] += scale * std::exp(factor * (x[i] - base));
  }

  static double sum_exp_difference(const float* p, const float* q, int64_t n, float factor, float base) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(std::exp(factor * (p[i] - base)) * (p[i] - q[i]));
    return sum;
  }

  static float rms_norm_grad(const float* x, const float* w, const float* dy, float eps, int64_t n, float* dx) {
    double products = 0.0;
    for (int64_t i = 0; i < n; ++i) products += static_cast<double>(w[i] * dy[i] * x[i]);
    const double r = inverse_rms(x, n, eps);
    const auto inverse = static_cast<float>(r),
               pull = static_cast<float>(-r * r * r * products / static_cast<double>(n));
    for (int64_t i = 0; i < n; ++i) dx[i] += w[i] * dy[i] * inverse + x[i] * pull;
    return inverse;
  }

  static void swiglu_grad(const float* gate, const float* up, const float* dy, int64_t n, float* dgate, float* dup) {
    for (int64_t i = 0; i < n; ++i) {
      const float z = gate[i], u = up[i];
      const float t = std::exp(-std::fabs(z));
      const float sigmoid = (z < 0.0f ? t : 1.0f) / (1.0f + t), other = (z < 0.0f ? 1.0f : t) / (1.0f + t);
      dgate[i] += dy[i] * u * (sigmoid * (1.0f + z * other));
      dup[i] += dy[i] * (z * sigmoid);
    }
  }

  static void scale_(float factor, int64_t n, float* y) {
    for (int64_t i = 0; i < n; ++i) y[i] *= factor;
  }

  static void adamw_(const AdamwArgs& a) {
    for (int64_t i = 0; i < a.n; ++i) {
      a.m[i] += a.keep1 * (a.g[i] - a.m[i]);
      a.v[i] = a.beta2 * a.v[i] + a.keep2 * (a.g[i] * a.g[i]);
      const float kept = a.w[i] - a.decay * a.w[i];
      a.w[i] = kept - a.rate * (a.m[i] / (std::sqrt(a.v[i]) * a.root_correction + a.eps));
    }
  }

  static void f16_to_f32(const uint16_t* x, int64_t n, float* y) {
    for (int64_t i = 0; i < n; ++i) y[i] = slm::f16_to_f32(x[i]);
  }

  static void bf16_to_f32(const uint16_t* x, int64_t n, float* y) {
    for (int64_t i = 0; i < n; ++i) y[i] = slm::bf16_to_f32(x[i]);
  }
};

}  // namespace

VecVariant vec_scalar(Isa isa) { return vec_row<PlainVec>(isa, "scalar"); }

}  // namespace slm::kernels
