// SPDX-License-Identifier: Apache-2.0
// Simd for AArch64 NEON: four float lanes under the names the kernel bodies are written in.
// Only _neon_*.cpp files include it; everything has internal linkage. min and max let NaN through.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "kernels/vec/simd_elements.h"

namespace slm::kernels {
namespace {

struct Simd {
  using V = float32x4_t;
  static constexpr int kWidth = 4;

  static V zero() { return vdupq_n_f32(0.0f); }
  static V set(float x) { return vdupq_n_f32(x); }
  static V load(const float* p) { return vld1q_f32(p); }
  static V load(const Half* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&p->bits))); }
  static V load(const Bfloat* p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(&p->bits), 16)); }
  static void store(float* p, V v) { vst1q_f32(p, v); }
  static void store(Half* p, V v) { vst1_u16(&p->bits, vreinterpret_u16_f16(vcvt_f16_f32(v))); }

  static V add(V a, V b) { return vaddq_f32(a, b); }
  static V sub(V a, V b) { return vsubq_f32(a, b); }
  static V mul(V a, V b) { return vmulq_f32(a, b); }
  static V div(V a, V b) { return vdivq_f32(a, b); }
  static V sqrt(V a) { return vsqrtq_f32(a); }
  static V fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }
  static V min(V a, V b) { return vminq_f32(a, b); }
  static V max(V a, V b) { return vmaxq_f32(a, b); }
  static V negative_magnitude(V v) { return vnegq_f32(vabsq_f32(v)); }
  static V round(V v) { return vrndnq_f32(v); }
  static V trunc(V v) { return vrndq_f32(v); }
  /// where z is negative a, else b
  static V select_negative(V z, V a, V b) { return vbslq_f32(vcltzq_f32(z), a, b); }
  /// lanes lo ≤ first + lane < hi of v, elsewhere −∞
  static V keep(V v, int first, int lo, int hi) {
    constexpr int32_t kLanes[4] = {0, 1, 2, 3};
    const int32x4_t lane = vaddq_s32(vld1q_s32(kLanes), vdupq_n_s32(first));
    const uint32x4_t kept = vandq_u32(vcgeq_s32(lane, vdupq_n_s32(lo)), vcltq_s32(lane, vdupq_n_s32(hi)));
    return vbslq_f32(kept, v, vdupq_n_f32(-__builtin_inff()));
  }
  /// v · 2ⁿ for whole n in [−151, 129]: two factors, so that subnormal and overflowing results round once
  static V scale2(V v, V n) {
    const int32x4_t whole = vcvtnq_s32_f32(n);
    const int32x4_t half = vshrq_n_s32(whole, 1);
    const int32x4_t bias = vdupq_n_s32(127);
    const float32x4_t f0 = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, bias), 23));
    const float32x4_t f1 = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vsubq_s32(whole, half), bias), 23));
    return vmulq_f32(vmulq_f32(v, f0), f1);
  }

  static float max_lanes(V v) { return vmaxvq_f32(v); }
  static float sum_lanes(V v) { return vaddvq_f32(v); }

  /// A sum of lanes carried in double.
  struct DoubleSum {
    float64x2_t low = vdupq_n_f64(0.0), high = vdupq_n_f64(0.0);
    void add(V v) {
      low = vaddq_f64(low, vcvt_f64_f32(vget_low_f32(v)));
      high = vaddq_f64(high, vcvt_high_f64_f32(v));
    }
    void add_square(V v) {
      const float64x2_t a = vcvt_f64_f32(vget_low_f32(v)), b = vcvt_high_f64_f32(v);
      low = vfmaq_f64(low, a, a);
      high = vfmaq_f64(high, b, b);
    }
    double total() const { return vaddvq_f64(vaddq_f64(low, high)); }
  };

  /// Nearest half of x as a float.
  static float round_to_half(float x) { return vgetq_lane_f32(vcvt_f32_f16(vcvt_f16_f32(vdupq_n_f32(x))), 0); }
  static uint16_t half_bits(float x) { return vget_lane_u16(vreinterpret_u16_f16(vcvt_f16_f32(vdupq_n_f32(x))), 0); }
  /// The largest |x| as bits: ordered as integers, so a NaN is above infinity.
  struct MaxAbs {
    uint32x4_t lanes = vdupq_n_u32(0);
    void add_32(const float* x) {
      for (int i = 0; i < 32; i += 4)
        lanes = vmaxq_u32(lanes, vandq_u32(vdupq_n_u32(0x7fffffffu), vreinterpretq_u32_f32(vld1q_f32(x + i))));
    }
    uint32_t bits() const { return vmaxvq_u32(lanes); }
  };
  /// Index of the first of 32 values whose |x| has these bits; one has.
  static int first_of_magnitude_32(const float* x, uint32_t bits) {
    const uint32_t first_lanes[4] = {0, 1, 2, 3};
    uint32x4_t lane = vld1q_u32(first_lanes), first = vdupq_n_u32(32);
    for (int i = 0; i < 32; i += 4, lane = vaddq_u32(lane, vdupq_n_u32(4))) {
      const uint32x4_t v = vandq_u32(vdupq_n_u32(0x7fffffffu), vreinterpretq_u32_f32(vld1q_f32(x + i)));
      first = vminq_u32(first, vbslq_u32(vceqq_u32(v, vdupq_n_u32(bits)), lane, vdupq_n_u32(32)));
    }
    return static_cast<int>(vminvq_u32(first));
  }
  struct CodeSum {
    int32x4_t lanes = vdupq_n_s32(0);
    int32_t total() const { return vaddvq_s32(lanes); }
  };
  /// codes[i] = rint(x[i] · inverse), |product| ≤ 127.5, i < 32, added to sum.
  static void encode_32(const float* x, float inverse, int8_t* codes, CodeSum& sum) {
    for (int i = 0; i < 32; i += 8) {
      const int32x4_t a = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), inverse));
      const int32x4_t b = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4), inverse));
      sum.lanes = vaddq_s32(sum.lanes, vaddq_s32(a, b));
      vst1_s8(codes + i, vmovn_s16(vcombine_s16(vmovn_s32(a), vmovn_s32(b))));
    }
  }
};

}  // namespace
}  // namespace slm::kernels
