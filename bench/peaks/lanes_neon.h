// SPDX-License-Identifier: Apache-2.0
// NEON with dot products: fmla of 4 floats, sdot of 16 bytes. Included by ISA translation units only; internal linkage.
#pragma once

#include <arm_neon.h>

#include "bench/peaks/peak_loops_body.h"

namespace slm {
namespace {

struct Lanes {
  using Floats = float32x4_t;
  using Integers = int32x4_t;
  static constexpr int kSums = 16;  // latency × throughput of the widest cores
  static constexpr int64_t kByteProducts = 16;

  static Floats some_floats() { return vdupq_n_f32(1e-3f); }
  static Integers some_bytes() { return vreinterpretq_s32_s8(vdupq_n_s8(1)); }
  static void multiply_add(Floats& sum, const Floats& a) {
    sum = vfmaq_f32(sum, a, a);
    asm volatile("" : "+w"(sum));
  }
  static void multiply_add_bytes(Integers& sum, Integers& a) {
    sum = vdotq_s32(sum, vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(a));
    asm volatile("" : "+w"(sum));
  }
  static void or_with(Integers& any, const std::byte* from) {
    any = vorrq_s32(any, vld1q_s32(reinterpret_cast<const int32_t*>(from)));
    asm volatile("" : "+w"(any));
  }
};

}  // namespace
}  // namespace slm
