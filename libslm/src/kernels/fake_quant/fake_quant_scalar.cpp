// SPDX-License-Identifier: Apache-2.0
// Fake quantization, plain: the body on a lane of one float.
#include <cmath>

#include "kernels/fake_quant/fake_quant_body.h"
#include "kernels/fake_quant/fake_quant_isas.h"
#include "slm/core/dtype.h"

namespace slm::kernels {
namespace {

/// What fake_quant_body.h asks of lanes, one wide.
struct OneLane {
  using V = float;
  static constexpr int kWidth = 1;
  static V zero() { return 0.0f; }
  static V set(float x) { return x; }
  static V load(const float* p) { return *p; }
  static void store(float* p, V v) { *p = v; }
  static V add(V a, V b) { return a + b; }
  static V sub(V a, V b) { return a - b; }
  static V mul(V a, V b) { return a * b; }
  static V min(V a, V b) { return a < b ? a : b; }
  static V max(V a, V b) { return a > b ? a : b; }
  static V trunc(V v) { return std::trunc(v); }
  static V round(V v) { return std::nearbyint(v); }
  static V select_negative(V z, V a, V b) { return std::signbit(z) ? a : b; }
  static float max_lanes(V v) { return v; }
  static float round_to_half(float x) { return f16_to_f32(f32_to_f16(x)); }
  static uint16_t half_bits(float x) { return f32_to_f16(x); }
  struct CodeSum {};
  static void encode_32(const float* x, float inverse, int8_t* codes, CodeSum&) {
    for (int i = 0; i < 32; ++i) codes[i] = static_cast<int8_t>(std::nearbyint(x[i] * inverse));
  }
  struct MaxAbs {
    uint32_t largest = 0;
    void add_32(const float* x) {
      for (int i = 0; i < 32; ++i) {
        const uint32_t bits = __builtin_bit_cast(uint32_t, x[i]) & 0x7fffffffu;
        largest = bits > largest ? bits : largest;
      }
    }
    uint32_t bits() const { return largest; }
  };
  static int first_of_magnitude_32(const float* x, uint32_t bits) {
    int i = 0;
    while ((__builtin_bit_cast(uint32_t, x[i]) & 0x7fffffffu) != bits) ++i;
    return i;
  }
};

}  // namespace

FakeQuantVariant fake_quant_scalar(Isa isa) { return FakeQuant<OneLane>::variant(isa, "scalar"); }

}  // namespace slm::kernels
