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
  static bool finite(float x) { return magnitude_bits(x) < kInfinity; }
  /// 1/d, 0 where that is not finite.
  static float inverse_of(float d) {
    const float inverse = d == 0.0f ? 0.0f : 1.0f / d;
    return finite(inverse) ? inverse : 0.0f;
  }

  /// The value of largest magnitude of a group, the first of equals.
  static float signed_max(const float* x, uint32_t largest) { return x[S::first_of_magnitude_32(x, largest)]; }

  template <class F>
  static void map(const float* x, float* y, F f) {
    for (int i = 0; i < 32; i += W) S::store(y + i, f(S::load(x + i)));
  }
  static void encode_32(const float* x, float inverse, int8_t* codes) {
    typename S::CodeSum sum;
    S::encode_32(x, inverse, codes, sum);
  }
  static V clamp(V code, V most) { return S::max(S::sub(S::zero(), most), S::min(most, code)); }

  static uint8_t* put_half(float x, uint8_t* out) {
    const uint16_t bits = S::half_bits(x);
    out[0] = static_cast<uint8_t>(bits);
    out[1] = static_cast<uint8_t>(bits >> 8);
    return out + 2;
  }
  /// Codes 0 … 15, eight at a time: byte by byte GCC 12 takes vectors apart and puts them together again.
  static uint8_t* put_nibbles(const int8_t* codes, uint8_t* out) {
    for (int j = 0; j < 16; j += 8) {
      uint64_t low, high;
      __builtin_memcpy(&low, codes + j, 8);
      __builtin_memcpy(&high, codes + 16 + j, 8);
      low |= high << 4;
      __builtin_memcpy(out + j, &low, 8);
    }
    return out + 16;
  }

  // A group's grid each: find() its parameters, false where it has none; code() of values as whole floats, value() of
  // codes; stored() is what a block holds for a code, put() writes the block.

  struct Q4_0 {
    explicit Q4_0(int32_t qmax)
        : half(static_cast<float>(qmax + 1)),
          shift(S::set(half + 0.5f)),
          most(S::set(2.0f * half - 1.0f)),
          zero_code(S::set(half)),
          offset(S::set(8.0f - half)) {}
    bool find(const float* x) {
      const uint32_t largest = max_abs_bits_32<S>(x);
      d = signed_max(x, largest) / -half;
      const float kept = S::round_to_half(d);
      inverse = S::set(inverse_of(d));
      scale = S::set(kept);
      return largest < kInfinity && finite(kept);
    }
    V unclamped(V v) const { return S::add(S::mul(v, inverse), shift); }  // before trunc
    V code(V v) const { return S::min(S::trunc(unclamped(v)), most); }
    V value(V code) const { return S::mul(scale, S::sub(code, zero_code)); }
    V stored(V code) const { return S::add(code, offset); }
    uint8_t* put(const int8_t* codes, uint8_t* out) const { return put_nibbles(codes, put_half(d, out)); }
    const float half;
    const V shift, most, zero_code, offset;
    float d;
    V inverse, scale;
  };

  struct Q4_1 {
    explicit Q4_1(int32_t qmax) : steps(static_cast<float>(qmax)), half(S::set(0.5f)), most(S::set(steps)) {}
    bool find(const float* x) {
      if (max_abs_bits_32<S>(x) >= kInfinity) return false;
      V low = S::load(x), high = low;
      for (int i = W; i < 32; i += W) {
        const V v = S::load(x + i);
        low = S::min(low, v);
        high = S::max(high, v);
      }
      min = -S::max_lanes(S::sub(S::zero(), low));
      if (min == 0.0f) {  // of −0 and +0 the minimum is −0
        uint32_t bits = 0;
        for (int i = 0; i < 32; ++i) bits |= __builtin_bit_cast(uint32_t, x[i]) == 0x80000000u ? 0x80000000u : 0u;
        min = __builtin_bit_cast(float, bits);
      }
      d = (S::max_lanes(high) - min) / steps;
      const float kept = S::round_to_half(d), kept_min = S::round_to_half(min);
      inverse = S::set(inverse_of(d));
      from = S::set(min);
      scale = S::set(kept);
      minimum = S::set(kept_min);
      return finite(kept) && finite(kept_min);
    }
    V code(V v) const { return S::min(S::trunc(S::add(S::mul(S::sub(v, from), inverse), half)), most); }
    V value(V code) const { return S::add(S::mul(scale, code), minimum); }
    V stored(V code) const { return code; }
    uint8_t* put(const int8_t* codes, uint8_t* out) const {
      return put_nibbles(codes, put_half(min, put_half(d, out)));
    }
    const float steps;
    const V half, most;
    float d, min;
    V inverse, from, scale, minimum;
  };

  struct Q8_0 {
    explicit Q8_0(int32_t qmax) : largest_code(static_cast<float>(qmax)), most(S::set(largest_code)) {}
    bool find(const float* x) {
      const uint32_t largest = max_abs_bits_32<S>(x);
      if (largest >= kInfinity) return false;
      d = __builtin_bit_cast(float, largest) / largest_code;
      const float kept = S::round_to_half(d);
      inverse = S::set(inverse_of(d));
      scale = S::set(kept);
      return finite(kept);
    }
    V code(V v) const {
      const V t = S::mul(v, inverse), whole = S::trunc(t), rest = S::sub(t, whole);
      return clamp(S::add(S::add(whole, S::trunc(S::add(rest, rest))), S::zero()), most);  // half away from zero
    }
    V value(V code) const { return S::mul(scale, code); }
    V stored(V code) const { return code; }
    uint8_t* put(const int8_t* codes, uint8_t* out) const {
      out = put_half(d, out);
      __builtin_memcpy(out, codes, 32);
      return out + 32;
    }
    const float largest_code;
    const V most;
    float d;
    V inverse, scale;
  };

  template <class Group>
  static bool read_back(const float* x, int64_t n, int32_t qmax, float* y) {
    Group group(qmax);
    for (int64_t g = 0; g < n; g += 32) {
      if (!group.find(x + g)) return false;
      map(x + g, y + g, [=](V v) { return group.value(group.code(v)); });
    }
    return true;
  }

  template <class Group>
  static bool encode(const float* x, int64_t n, int32_t qmax, uint8_t* blocks) {
    Group group(qmax);
    alignas(64) float whole[32];
    alignas(64) int8_t codes[32];
    for (int64_t g = 0; g < n; g += 32) {
      if (!group.find(x + g)) return false;
      map(x + g, whole, [=](V v) { return group.stored(group.code(v)); });
      encode_32(whole, 1.0f, codes);
      blocks = group.put(codes, blocks);
    }
    return true;
  }

  static void mask_q4_0_(const float* x, int64_t n, int32_t qmax, float* gradient) {
    Q4_0 group(qmax);
    const V clipped = S::set(2.0f * group.half);
    for (int64_t g = 0; g < n; g += 32) {
      group.find(x + g);  // a scale beyond a half is refused where it is stored
      for (int64_t i = g; i < g + 32; i += W) {
        const V beyond = S::sub(group.unclamped(S::load(x + i)), clipped);
        S::store(gradient + i, S::select_negative(beyond, S::load(gradient + i), S::zero()));
      }
    }
  }

  static bool a8g32(const float* x, int64_t n, float* y) {
    for (int64_t g = 0; g < n; g += 32) {
      const QuantizeRule rule = quantize_rule(max_abs_bits_32<S>(x + g));
      const float kept = S::round_to_half(rule.scale);
      if (!finite(kept)) return false;
      symmetric(x + g, 32, rule.inverse, kept, y + g);
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

  static void encode_symmetric(const float* x, int64_t n, float inverse, int8_t* codes) {
    int64_t i = 0;
    for (; i + 32 <= n; i += 32) encode_32(x + i, inverse, codes + i);
    if (i == n) return;
    alignas(64) float rest[32] = {};
    alignas(64) int8_t rest_codes[32];
    for (int64_t j = i; j < n; ++j) rest[j - i] = x[j];
    encode_32(rest, inverse, rest_codes);
    for (int64_t j = i; j < n; ++j) codes[j] = rest_codes[j - i];
  }

  SLM_ISA_ROW static FakeQuantVariant variant(Isa isa, const char* name) {
    return {.isa = isa,
            .name = name,
            .q4_0 = read_back<Q4_0>,
            .q4_1 = read_back<Q4_1>,
            .q8_0 = read_back<Q8_0>,
            .a8g32 = a8g32,
            .symmetric = symmetric,
            .mask_q4_0_ = mask_q4_0_,
            .encode_q4_0 = encode<Q4_0>,
            .encode_q4_1 = encode<Q4_1>,
            .encode_q8_0 = encode<Q8_0>,
            .encode_symmetric = encode_symmetric};
  }
};

}  // namespace
}  // namespace slm::kernels
