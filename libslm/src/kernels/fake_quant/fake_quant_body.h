// SPDX-License-Identifier: Apache-2.0
// Fake quantization on Simd lanes, written once for all instruction sets; the slow, obvious text is quant/grid.h.
// A code is kept as a whole float: its product with the scale is that of the integer. Sums with +0 turn the −0 that
// rounding leaves into the 0 an integer has.
// Included by ISA translation units only; internal linkage.
#pragma once

#include "kernels/isa_row.h"
#include "kernels/vec/quantize_rule.h"
#include "slm/kernels/fake_quant/fake_quant.h"

namespace slm::kernels {
namespace {

template <class S>
struct FakeQuant {
  using V = typename S::V;
  static constexpr int W = S::kWidth;
  static constexpr uint32_t kInfinity = 0x7f800000u;

  static uint32_t magnitude_bits(float x) { return __builtin_bit_cast(uint32_t, x) & 0x7fffffffu; }
  /// 1/d, 0 where that is not finite.
  static float inverse_of(float d) {
    const float inverse = d == 0.0f ? 0.0f : 1.0f / d;
    return magnitude_bits(inverse) < kInfinity ? inverse : 0.0f;
  }

  /// The value of largest magnitude of a group, the first of equals.
  static float signed_max(const float* x, uint32_t largest) {
    V low = S::load(x), high = low;
    for (int i = W; i < 32; i += W) {
      const V v = S::load(x + i);
      low = S::min(low, v);
      high = S::max(high, v);
    }
    const float top = S::max_lanes(high), bottom = -S::max_lanes(S::sub(S::zero(), low));
    if (top != -bottom) return top > -bottom ? top : bottom;
    int i = 0;  // as large on both sides, rare in weights; or all are 0
    while (magnitude_bits(x[i]) != largest) ++i;
    return x[i];
  }

  template <class F>
  static void map(const float* x, float* y, F f) {
    for (int i = 0; i < 32; i += W) S::store(y + i, f(S::load(x + i)));
  }

  static bool q4_0(const float* x, int64_t n, int32_t qmax, float* y) {
    const float half = static_cast<float>(qmax + 1);
    const V shift = S::set(half + 0.5f), most = S::set(2.0f * half - 1.0f), zero_code = S::set(half);
    for (int64_t g = 0; g < n; g += 32) {
      const uint32_t largest = S::max_abs_bits_32(x + g);
      if (largest >= kInfinity) return false;
      const float d = signed_max(x + g, largest) / -half, scale = S::round_to_half(d);
      if (magnitude_bits(scale) >= kInfinity) return false;
      const V inverse = S::set(inverse_of(d)), s = S::set(scale);
      map(x + g, y + g, [=](V v) {
        const V code = S::min(S::trunc(S::add(S::mul(v, inverse), shift)), most);
        return S::mul(s, S::sub(code, zero_code));
      });
    }
    return true;
  }

  static void mask_q4_0_(const float* x, int64_t n, int32_t qmax, float* gradient) {
    const float half = static_cast<float>(qmax + 1);
    const V shift = S::set(half + 0.5f), clipped = S::set(2.0f * half);
    for (int64_t g = 0; g < n; g += 32) {
      const V inverse = S::set(inverse_of(signed_max(x + g, S::max_abs_bits_32(x + g)) / -half));
      for (int64_t i = g; i < g + 32; i += W) {
        const V beyond = S::sub(S::add(S::mul(S::load(x + i), inverse), shift), clipped);
        S::store(gradient + i, S::select_negative(beyond, S::load(gradient + i), S::zero()));
      }
    }
  }

  static bool q4_1(const float* x, int64_t n, int32_t qmax, float* y) {
    const float steps = static_cast<float>(qmax);
    const V half = S::set(0.5f), most = S::set(steps);
    for (int64_t g = 0; g < n; g += 32) {
      if (S::max_abs_bits_32(x + g) >= kInfinity) return false;
      V low = S::load(x + g), high = low;
      for (int i = W; i < 32; i += W) {
        const V v = S::load(x + g + i);
        low = S::min(low, v);
        high = S::max(high, v);
      }
      float min = -S::max_lanes(S::sub(S::zero(), low));
      const float max = S::max_lanes(high);
      if (min == 0.0f) {  // of −0 and +0 the minimum is −0
        min = 0.0f;
        for (int i = 0; i < 32; ++i)
          if (__builtin_bit_cast(uint32_t, x[g + i]) == 0x80000000u) min = -0.0f;
      }
      const float d = (max - min) / steps, scale = S::round_to_half(d), minimum = S::round_to_half(min);
      if (magnitude_bits(scale) >= kInfinity || magnitude_bits(minimum) >= kInfinity) return false;
      const V inverse = S::set(inverse_of(d)), s = S::set(scale), m = S::set(minimum), from = S::set(min);
      map(x + g, y + g, [=](V v) {
        const V code = S::min(S::trunc(S::add(S::mul(S::sub(v, from), inverse), half)), most);
        return S::add(S::mul(s, code), m);
      });
    }
    return true;
  }

  static V clamp(V code, V most) { return S::max(S::sub(S::zero(), most), S::min(most, code)); }

  static bool q8_0(const float* x, int64_t n, int32_t qmax, float* y) {
    const V most = S::set(static_cast<float>(qmax));
    for (int64_t g = 0; g < n; g += 32) {
      const uint32_t largest = S::max_abs_bits_32(x + g);
      if (largest >= kInfinity) return false;
      const float d = __builtin_bit_cast(float, largest) / static_cast<float>(qmax), scale = S::round_to_half(d);
      if (magnitude_bits(scale) >= kInfinity) return false;
      const V inverse = S::set(inverse_of(d)), s = S::set(scale);
      map(x + g, y + g, [=](V v) {
        const V t = S::mul(v, inverse), whole = S::trunc(t), rest = S::sub(t, whole);
        const V code = S::add(S::add(whole, S::trunc(S::add(rest, rest))), S::zero());  // half away from zero
        return S::mul(s, clamp(code, most));
      });
    }
    return true;
  }

  static bool a8g32(const float* x, int64_t n, float* y) {
    for (int64_t g = 0; g < n; g += 32) {
      const QuantizeRule rule = quantize_rule(S::max_abs_bits_32(x + g));
      const float scale = S::round_to_half(rule.scale);
      if (magnitude_bits(scale) >= kInfinity) return false;
      symmetric(x + g, 32, rule.inverse, scale, y + g);
    }
    return true;
  }

  static V symmetric_lanes(V v, V inverse, V scale) {
    return S::mul(scale, clamp(S::add(S::round(S::mul(v, inverse)), S::zero()), S::set(127.0f)));
  }
  static void symmetric(const float* x, int64_t n, float inverse, float scale, float* y) {
    const V factor = S::set(inverse), s = S::set(scale);
    int64_t i = 0;
    for (; i + W <= n; i += W) S::store(y + i, symmetric_lanes(S::load(x + i), factor, s));
    if (i == n) return;
    alignas(64) float lanes[W] = {};
    for (int64_t j = i; j < n; ++j) lanes[j - i] = x[j];
    S::store(lanes, symmetric_lanes(S::load(lanes), factor, s));
    for (int64_t j = i; j < n; ++j) y[j] = lanes[j - i];
  }

  SLM_ISA_ROW static FakeQuantVariant variant(Isa isa, const char* name) {
    return {.isa = isa,
            .name = name,
            .q4_0 = q4_0,
            .q4_1 = q4_1,
            .q8_0 = q8_0,
            .a8g32 = a8g32,
            .symmetric = symmetric,
            .mask_q4_0_ = mask_q4_0_};
  }
};

}  // namespace
}  // namespace slm::kernels
