// SPDX-License-Identifier: Apache-2.0
// What the integer GEMMs share on AVX2 + FMA + F16C: tiles of up to 4 rows × the 16 columns of a panel, a row of C in
// two vectors. Included by ISA translation units only; internal linkage.
#pragma once

#include <immintrin.h>

#include "kernels/panel_walk.h"

namespace slm::kernels {
namespace {

/// Keeps a sum of products a chain in one register: left to itself, GCC turns it into a tree of many live products,
/// spills most of them, and runs at a third of the speed.
[[gnu::always_inline]] inline void keep_chain(__m256i& sum) { asm("" : "+x"(sum)); }

/// What walk_panels() asks of a kernel, but for tile().
struct Avx2Tiling {
  static constexpr int64_t kColumns = 16;
  static constexpr int64_t kTileColumns = 16;
  static constexpr int64_t kBlockBytes = 192 * 1024;  // rows of A: part of the L2 cache
};

template <class Kernel>
void gemm(const GemmArgs& args, size_t panel_bytes) {
  walk_panels<Kernel, 4, 3, 2, 1>(args, panel_bytes);
}

[[gnu::always_inline]] inline __m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
[[gnu::always_inline]] inline __m256 load_halfs(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
// `count` (1 … 4) consecutive codes of a row of A, then zeros, in each 32-bit lane.
[[gnu::always_inline]] inline __m256i broadcast_codes(const int8_t* p, size_t count) {
  int32_t quad = 0;
  __builtin_memcpy(&quad, p, count);
  return _mm256_set1_epi32(quad);
}

// The bias of one panel's columns; zeros where there is none.
struct Bias {
  Bias(const GemmArgs& args, int64_t first) {
    for (int64_t j = 0; j < 16; ++j)
      values[j] = args.bias != nullptr && first + j < args.n ? args.bias[first + j] : 0.0f;
  }
  __m256 half(int index) const { return _mm256_load_ps(values + 8 * index); }
  alignas(32) float values[16];
};

// One row of C from column `first` on, as far as columns exist.
[[gnu::always_inline]] inline void store(const GemmArgs& args, int64_t row, int64_t first, __m256 low, __m256 high) {
  float* c = args.c + row * args.c_stride + first;
  if (args.n - first >= 16) {
    _mm256_storeu_ps(c, low);
    _mm256_storeu_ps(c + 8, high);
  } else {
    alignas(32) float out[16];
    _mm256_store_ps(out, low);
    _mm256_store_ps(out + 8, high);
    for (int64_t j = 0; j < args.n - first; ++j) c[j] = out[j];
  }
}

// C = acc + (bias or 0, never −0).
template <int R>
[[gnu::always_inline]] inline void store_sums(const GemmArgs& args, int64_t row, int64_t first, __m256 (&acc)[R][2]) {
  __m256 last[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  if (args.bias != nullptr) {
    const Bias bias(args, first);
    for (int half = 0; half < 2; ++half) last[half] = _mm256_add_ps(last[half], bias.half(half));
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
    store(args, row + r, first, _mm256_add_ps(acc[r][0], last[0]), _mm256_add_ps(acc[r][1], last[1]));
}

}  // namespace
}  // namespace slm::kernels
