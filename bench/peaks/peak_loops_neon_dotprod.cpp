// SPDX-License-Identifier: Apache-2.0
// NEON with dot products: fmla of 4 floats, sdot of 16 bytes.
#include <arm_neon.h>

#include "bench/peaks/peak_loops.h"
#include "kernels/isa_row.h"

namespace slm {
namespace {

constexpr int kSums = 16;  // independent: latency × throughput of the widest cores

void f32(int64_t rounds) {
  float32x4_t sums[kSums] = {}, a = vdupq_n_f32(1e-3f), b = vdupq_n_f32(1e-3f);
  for (int64_t i = 0; i < rounds; ++i)
    for (float32x4_t& sum : sums) {
      sum = vfmaq_f32(sum, a, b);
      asm volatile("" : "+w"(sum));
    }
}

void int8(int64_t rounds) {
  int32x4_t sums[kSums] = {};
  const int8x16_t a = vdupq_n_s8(1), b = vdupq_n_s8(1);
  for (int64_t i = 0; i < rounds; ++i)
    for (int32x4_t& sum : sums) {
      sum = vdotq_s32(sum, a, b);
      asm volatile("" : "+w"(sum));
    }
}

void read(const std::byte* from, size_t bytes, size_t ahead) {
  uint8x16_t any[4] = {};
  for (size_t at = 0; at < bytes; at += 64) {
    if (ahead > 0) __builtin_prefetch(from + at + ahead);
    for (size_t i = 0; i < 4; ++i)
      any[i] = vorrq_u8(any[i], vld1q_u8(reinterpret_cast<const uint8_t*>(from + at) + 16 * i));
  }
  for (uint8x16_t& x : any) asm volatile("" : : "w"(x));
}

}  // namespace

SLM_ISA_ROW PeakLoops peak_loops_neon_dotprod(kernels::Isa isa) {
  return {.isa = isa, .f32 = {kSums * 4 * 2, f32}, .int8 = {kSums * 16 * 2, int8}, .read = read};
}

}  // namespace slm
