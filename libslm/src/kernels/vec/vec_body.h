// SPDX-License-Identifier: Apache-2.0
// Vector kernels on Simd lanes, written once for all instruction sets; vec_scalar.cpp says the same plainly.
// The last, partial vector of a row goes through a small padded copy, so nothing outside the row is touched.
// Included by ISA translation units only; internal linkage.
#pragma once

#include "kernels/vec/quantize_rule.h"
#include "kernels/vec/simd_elements.h"
#include "kernels/vec/simd_exp.h"
#include "kernels/vec/vec_row.h"

namespace slm::kernels {
namespace {

template <class S>
struct VecKernels {
  using V = typename S::V;
  static constexpr int W = S::kWidth;

  static V load_part(const float* p, int64_t count, float fill) {
    alignas(64) float lanes[W];
    for (int i = 0; i < W; ++i) lanes[i] = i < count ? p[i] : fill;
    return S::load(lanes);
  }
  static void store_part(float* p, int64_t count, V v) {
    alignas(64) float lanes[W];
    S::store(lanes, v);
    for (int i = 0; i < count; ++i) p[i] = lanes[i];
  }

  /// y[i] = f(x0[i], x1[i])
  template <class F>
  static void map(const float* x0, const float* x1, int64_t n, float* y, F f) {
    int64_t i = 0;
    for (; i + W <= n; i += W) S::store(y + i, f(S::load(x0 + i), S::load(x1 + i)));
    if (i < n) store_part(y + i, n - i, f(load_part(x0 + i, n - i, 0.0f), load_part(x1 + i, n - i, 0.0f)));
  }

  static V load_some(const float* p, int64_t count, float fill) {
    return count >= W ? S::load(p) : load_part(p, count, fill);
  }
  static void store_some(float* p, int64_t count, V v) {
    if (count >= W)
      S::store(p, v);
    else
      store_part(p, count, v);
  }

  static double sum_squares(const float* x, int64_t n) {
    typename S::DoubleSum even, odd;
    int64_t i = 0;
    for (; i + 2 * W <= n; i += 2 * W) {
      even.add_square(S::load(x + i));
      odd.add_square(S::load(x + i + W));
    }
    for (; i < n; i += W) even.add_square(load_some(x + i, n - i, 0.0f));
    return even.total() + odd.total();
  }

  static double inverse_rms(const float* x, int64_t n, float eps) {
    return 1.0 / __builtin_sqrt(sum_squares(x, n) / static_cast<double>(n) + static_cast<double>(eps));
  }

  static void rms_norm(const float* x, const float* w, float eps, int64_t n, float* y) {
    const V inverse = S::set(static_cast<float>(inverse_rms(x, n, eps)));
    map(x, w, n, y, [inverse](V a, V b) { return S::mul(S::mul(a, inverse), b); });
  }

  static void add_(const float* x, int64_t n, float* y) {
    map(y, x, n, y, [](V a, V b) { return S::add(a, b); });
  }

  static void swiglu(const float* gate, const float* up, int64_t n, float* y) {
    map(gate, up, n, y, [](V z, V u) {
      const V one = S::set(1.0f);
      const V t = exp_lanes<S>(S::negative_magnitude(z));  // ≤ 1: no overflow on either side
      return S::mul(S::div(S::mul(z, S::select_negative(z, t, one)), S::add(one, t)), u);
    });
  }

  static void rope(float* x, const float* cos, const float* sin, int64_t half) {
    for (int64_t i = 0; i < half; i += W) {
      const int64_t count = half - i;
      const auto at = [count](const float* p) { return load_some(p, count, 0.0f); };
      const V a = at(x + i), b = at(x + i + half), c = at(cos + i), s = at(sin + i);
      store_some(x + i, count, S::sub(S::mul(a, c), S::mul(b, s)));
      store_some(x + i + half, count, S::add(S::mul(b, c), S::mul(a, s)));
    }
  }

  /// Codes of `n` values, a multiple of 32; returns their sum.
  static int32_t encode(const float* x, int64_t n, float inverse, int8_t* codes) {
    if (inverse == 0.0f) {
      for (int64_t i = 0; i < n; ++i) codes[i] = 0;
      return 0;
    }
    typename S::CodeSum sum;
    for (int64_t i = 0; i < n; i += 32) S::encode_32(x + i, inverse, codes + i, sum);
    return sum.total();
  }

  static void quantize_a8g32(const float* x, int64_t n, int8_t* codes, float* scales, int32_t* offsets) {
    for (int64_t g = 0; g < n / 32; ++g) {
      const QuantizeRule rule = quantize_rule(max_abs_bits_32<S>(x + 32 * g));
      scales[g] = S::round_to_half(rule.scale);
      offsets[g] = group_offset(encode(x + 32 * g, 32, rule.inverse, codes + 32 * g));
    }
  }

  static void quantize_a8t(const float* x, int64_t n, int8_t* codes, float* scale, int32_t* offset) {
    const int64_t whole = n / 32 * 32;
    alignas(64) float rest[32] = {};
    alignas(64) int8_t rest_codes[32];
    for (int64_t i = whole; i < n; ++i) rest[i - whole] = x[i];
    typename S::MaxAbs largest;
    largest.add_32(rest);
    for (int64_t i = 0; i < whole; i += 32) largest.add_32(x + i);
    const QuantizeRule rule = quantize_rule(largest.bits());
    const int32_t total = encode(rest, 32, rule.inverse, rest_codes) + encode(x, whole, rule.inverse, codes);
    for (int64_t i = whole; i < n; ++i) codes[i] = rest_codes[i - whole];
    *scale = rule.scale;
    *offset = kOffsetPerCode * total;
  }

  static void max_sum_exp(const float* x, int64_t n, float* max, double* sum) {
    constexpr float kLowest = -__builtin_inff();
    V m[4] = {S::set(kLowest), S::set(kLowest), S::set(kLowest), S::set(kLowest)};
    int64_t i = 0;
    for (; i + 4 * W <= n; i += 4 * W)
      for (int u = 0; u < 4; ++u) m[u] = S::max(S::load(x + i + u * W), m[u]);
    for (; i < n; i += W) m[0] = S::max(load_some(x + i, n - i, kLowest), m[0]);
    *max = S::max_lanes(S::max(S::max(m[0], m[1]), S::max(m[2], m[3])));

    const V base = S::set(__builtin_isinf(*max) ? 0.0f : *max);
    typename S::DoubleSum even, odd;
    for (i = 0; i + 2 * W <= n; i += 2 * W) {
      even.add(exp_lanes<S>(S::sub(S::load(x + i), base)));
      odd.add(exp_lanes<S>(S::sub(S::load(x + i + W), base)));
    }
    for (; i < n; i += W) even.add(exp_lanes<S>(S::sub(load_some(x + i, n - i, kLowest), base)));
    *sum = even.total() + odd.total();
  }

  static double sum_exp(const float* x, int64_t n, float factor, float base) {
    const V f = S::set(factor), b = S::set(base);
    typename S::DoubleSum sum;
    for (int64_t i = 0; i < n; i += W)
      sum.add(exp_lanes<S>(S::mul(f, S::sub(load_some(x + i, n - i, -__builtin_inff()), b))));
    return sum.total();
  }

  static void add_exp(const float* x, int64_t n, float factor, float base, float scale, float* y) {
    const V f = S::set(factor), b = S::set(base), s = S::set(scale);
    map(x, y, n, y, [=](V v, V before) { return S::add(S::mul(s, exp_lanes<S>(S::mul(f, S::sub(v, b)))), before); });
  }

  static double sum_exp_difference(const float* p, const float* q, int64_t n, float factor, float base) {
    const V f = S::set(factor), b = S::set(base);
    typename S::DoubleSum sum;
    for (int64_t i = 0; i < n; i += W) {  // beyond the end e⁰ · 0
      const V of_p = load_some(p + i, n - i, base), of_q = load_some(q + i, n - i, base);
      sum.add(S::mul(exp_lanes<S>(S::mul(f, S::sub(of_p, b))), S::sub(of_p, of_q)));
    }
    return sum.total();
  }

  static float rms_norm_grad(const float* x, const float* w, const float* dy, float eps, int64_t n, float* dx) {
    typename S::DoubleSum products;
    for (int64_t i = 0; i < n; i += W)
      products.add(
          S::mul(S::mul(load_some(w + i, n - i, 0.0f), load_some(dy + i, n - i, 0.0f)), load_some(x + i, n - i, 0.0f)));
    const double r = inverse_rms(x, n, eps);
    const V inverse = S::set(static_cast<float>(r));
    const V pull = S::set(static_cast<float>(-r * r * r * products.total() / static_cast<double>(n)));
    for (int64_t i = 0; i < n; i += W) {
      const int64_t rest = n - i;
      const V push = S::mul(S::mul(load_some(w + i, rest, 0.0f), load_some(dy + i, rest, 0.0f)), inverse);
      const V step = S::fma(load_some(x + i, rest, 0.0f), pull, push);
      store_some(dx + i, rest, S::add(load_some(dx + i, rest, 0.0f), step));
    }
    return static_cast<float>(r);
  }

  static void swiglu_grad(const float* gate, const float* up, const float* dy, int64_t n, float* dgate, float* dup) {
    const V one = S::set(1.0f);
    for (int64_t i = 0; i < n; i += W) {
      const int64_t rest = n - i;
      const V z = load_some(gate + i, rest, 0.0f), u = load_some(up + i, rest, 0.0f), d = load_some(dy + i, rest, 0.0f);
      const V t = exp_lanes<S>(S::negative_magnitude(z));
      const V sigmoid = S::div(S::select_negative(z, t, one), S::add(one, t));
      const V other = S::div(S::select_negative(z, one, t), S::add(one, t));  // 1 − σ, without cancellation
      const V slope = S::mul(sigmoid, S::fma(z, other, one));
      store_some(dgate + i, rest, S::fma(S::mul(d, u), slope, load_some(dgate + i, rest, 0.0f)));
      store_some(dup + i, rest, S::fma(d, S::mul(z, sigmoid), load_some(dup + i, rest, 0.0f)));
    }
  }

  static void scale_(float factor, int64_t n, float* y) {
    const V f = S::set(factor);
    map(y, y, n, y, [f](V v, V) { return S::mul(v, f); });
  }

  static void adamw_(const AdamwArgs& a) {
    const V keep1 = S::set(a.keep1), keep2 = S::set(a.keep2), beta2 = S::set(a.beta2);
    const V eps = S::set(a.eps), rate = S::set(-a.rate), root = S::set(a.root_correction), decay = S::set(-a.decay);
    for (int64_t i = 0; i < a.n; i += W) {
      const int64_t rest = a.n - i;
      const V w = load_some(a.w + i, rest, 0.0f), g = load_some(a.g + i, rest, 0.0f);
      V m = load_some(a.m + i, rest, 0.0f), v = load_some(a.v + i, rest, 0.0f);
      m = S::fma(keep1, S::sub(g, m), m);
      v = S::fma(keep2, S::mul(g, g), S::mul(beta2, v));
      const V root_v = S::fma(S::sqrt(v), root, eps);
      store_some(a.w + i, rest, S::fma(rate, S::div(m, root_v), S::fma(decay, w, w)));
      store_some(a.m + i, rest, m);
      store_some(a.v + i, rest, v);
    }
  }

  template <class Element>
  static void widen(const uint16_t* x, int64_t n, float* y) {
    int64_t i = 0;
    for (; i + W <= n; i += W) S::store(y + i, S::load(reinterpret_cast<const Element*>(x + i)));
    if (i < n) {
      Element part[W] = {};
      for (int64_t j = i; j < n; ++j) part[j - i].bits = x[j];
      store_part(y + i, n - i, S::load(part));
    }
  }

  static void f16_to_f32(const uint16_t* x, int64_t n, float* y) { widen<Half>(x, n, y); }
  static void bf16_to_f32(const uint16_t* x, int64_t n, float* y) { widen<Bfloat>(x, n, y); }
};

}  // namespace
}  // namespace slm::kernels
