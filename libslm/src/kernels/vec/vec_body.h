// SPDX-License-Identifier: Apache-2.0
// Vector kernels on Simd lanes, written once for all instruction sets; vec_scalar.cpp says the same plainly.
// The last, partial vector of a row goes through a small padded copy, so nothing outside the row is touched.
// Included by ISA translation units only; internal linkage.
#pragma once

#include "kernels/isa_row.h"
#include "kernels/vec/quantize_rule.h"
#include "kernels/vec/simd_elements.h"
#include "kernels/vec/simd_exp.h"
#include "slm/kernels/vec/vec.h"

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

  static void rms_norm(const float* x, const float* w, float eps, int64_t n, float* y) {
    typename S::DoubleSum even, odd;
    int64_t i = 0;
    for (; i + 2 * W <= n; i += 2 * W) {
      even.add_square(S::load(x + i));
      odd.add_square(S::load(x + i + W));
    }
    for (; i < n; i += W) even.add_square(i + W <= n ? S::load(x + i) : load_part(x + i, n - i, 0.0f));
    const double mean = (even.total() + odd.total()) / static_cast<double>(n);
    const V inverse = S::set(static_cast<float>(1.0 / __builtin_sqrt(mean + static_cast<double>(eps))));
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
      const auto at = [count](const float* p) { return count >= W ? S::load(p) : load_part(p, count, 0.0f); };
      const V a = at(x + i), b = at(x + i + half), c = at(cos + i), s = at(sin + i);
      const V first = S::sub(S::mul(a, c), S::mul(b, s)), second = S::add(S::mul(b, c), S::mul(a, s));
      if (count >= W) {
        S::store(x + i, first);
        S::store(x + i + half, second);
      } else {
        store_part(x + i, count, first);
        store_part(x + i + half, count, second);
      }
    }
  }

  static int32_t encode_32(const float* x, float inverse, int8_t* codes) {
    if (inverse != 0.0f) return S::encode_32(x, inverse, codes);
    for (int i = 0; i < 32; ++i) codes[i] = 0;
    return 0;
  }

  static void quantize_a8g32(const float* x, int64_t n, int8_t* codes, float* scales, int32_t* sums) {
    for (int64_t g = 0; g < n / 32; ++g) {
      const QuantizeRule rule = quantize_rule(S::max_abs_bits_32(x + 32 * g));
      scales[g] = S::round_to_half(rule.scale);
      sums[g] = encode_32(x + 32 * g, rule.inverse, codes + 32 * g);
    }
  }

  static void quantize_a8t(const float* x, int64_t n, int8_t* codes, float* scale, int32_t* sum) {
    const int64_t whole = n / 32 * 32;
    alignas(64) float rest[32] = {};
    alignas(64) int8_t rest_codes[32];
    for (int64_t i = whole; i < n; ++i) rest[i - whole] = x[i];
    uint32_t amax_bits = S::max_abs_bits_32(rest);
    for (int64_t i = 0; i < whole; i += 32) {
      const uint32_t bits = S::max_abs_bits_32(x + i);
      amax_bits = bits > amax_bits ? bits : amax_bits;
    }
    const QuantizeRule rule = quantize_rule(amax_bits);
    int32_t total = encode_32(rest, rule.inverse, rest_codes);
    for (int64_t i = 0; i < whole; i += 32) total += encode_32(x + i, rule.inverse, codes + i);
    for (int64_t i = whole; i < n; ++i) codes[i] = rest_codes[i - whole];
    *scale = rule.scale;
    *sum = total;
  }

  static void max_sum_exp(const float* x, int64_t n, float* max, double* sum) {
    constexpr float kLowest = -__builtin_inff();
    V m[4] = {S::set(kLowest), S::set(kLowest), S::set(kLowest), S::set(kLowest)};
    int64_t i = 0;
    for (; i + 4 * W <= n; i += 4 * W)
      for (int u = 0; u < 4; ++u) m[u] = S::max(S::load(x + i + u * W), m[u]);
    for (; i < n; i += W) m[0] = S::max(i + W <= n ? S::load(x + i) : load_part(x + i, n - i, kLowest), m[0]);
    *max = S::max_lanes(S::max(S::max(m[0], m[1]), S::max(m[2], m[3])));

    const V base = S::set(__builtin_isinf(*max) ? 0.0f : *max);
    typename S::DoubleSum even, odd;
    for (i = 0; i + 2 * W <= n; i += 2 * W) {
      even.add(exp_lanes<S>(S::sub(S::load(x + i), base)));
      odd.add(exp_lanes<S>(S::sub(S::load(x + i + W), base)));
    }
    for (; i < n; i += W)
      even.add(exp_lanes<S>(S::sub(i + W <= n ? S::load(x + i) : load_part(x + i, n - i, kLowest), base)));
    *sum = even.total() + odd.total();
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

  SLM_ISA_ROW static VecVariant variant(Isa isa, const char* name) {
    return {isa,          name,        rms_norm,    add_,         swiglu, rope, quantize_a8g32,
            quantize_a8t, max_sum_exp, widen<Half>, widen<Bfloat>};
  }
};

}  // namespace
}  // namespace slm::kernels
