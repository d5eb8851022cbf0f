// SPDX-License-Identifier: Apache-2.0
// AVX2: two fma of 8 floats a cycle; bytes by maddubs, madd and add, 32 products in three instructions. Included by ISA
// translation units only; internal linkage.
#pragma once

#include <immintrin.h>

#include "bench/peaks/peak_loops_body.h"

namespace slm {
namespace {

struct Lanes {
  using Floats = __m256;
  using Integers = __m256i;
  static constexpr int kSums = 12;  // latency × throughput is 8; with the operands all 16 registers hold
  static constexpr int64_t kByteProducts = 32;

  static Floats some_floats() { return _mm256_set1_ps(1e-3f); }
  static Integers some_bytes() { return _mm256_set1_epi8(1); }
  static void multiply_add(Floats& sum, const Floats& a) {
    sum = _mm256_fmadd_ps(a, a, sum);
    asm volatile("" : "+x"(sum));
  }
  static void multiply_add_bytes(Integers& sum, Integers& a) {
    asm volatile("" : "+x"(a));  // another a: nothing is computed once for all rounds
    const Integers pairs = _mm256_maddubs_epi16(a, _mm256_set1_epi8(1));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    asm volatile("" : "+x"(sum));
  }
  static void or_with(Integers& any, const std::byte* from) {
    any = _mm256_or_si256(any, _mm256_loadu_si256(reinterpret_cast<const Integers*>(from)));
    asm volatile("" : "+x"(any));
  }
};

}  // namespace
}  // namespace slm
