// SPDX-License-Identifier: Apache-2.0
// AVX-512: fma of 16 floats, vpdpbusd of 64 bytes. Included by ISA translation units only; internal linkage.
#pragma once

#include <immintrin.h>

#include "bench/peaks/peak_loops_body.h"

namespace slm {
namespace {

struct Lanes {
  using Floats = __m512;
  using Integers = __m512i;
  static constexpr int kSums = 12;  // latency × throughput is 8
  static constexpr int64_t kByteProducts = 64;

  static Floats some_floats() { return _mm512_set1_ps(1e-3f); }
  static Integers some_bytes() { return _mm512_set1_epi8(1); }
  static void multiply_add(Floats& sum, const Floats& a) {
    sum = _mm512_fmadd_ps(a, a, sum);
    asm volatile("" : "+v"(sum));
  }
  static void multiply_add_bytes(Integers& sum, Integers& a) {
    sum = _mm512_dpbusd_epi32(sum, a, a);
    asm volatile("" : "+v"(sum));
  }
  static void or_with(Integers& any, const std::byte* from) {
    any = _mm512_or_si512(any, _mm512_loadu_si512(from));
    asm volatile("" : "+v"(any));
  }
};

}  // namespace
}  // namespace slm
