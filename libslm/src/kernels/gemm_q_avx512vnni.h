// SPDX-License-Identifier: Apache-2.0
// What the integer GEMMs share on AVX-512 VNNI: tiles of up to 8 rows × the 16 columns of a panel, a row of C in one
// vector. Included by ISA translation units only; internal linkage.
#pragma once

#include "kernels/avx512_intrinsics.h"
#include "kernels/panel_walk.h"

namespace slm::kernels {
namespace {

/// What walk_panels() asks of a kernel, but for tile().
struct Avx512Tiling {
  static constexpr int64_t kColumns = 16;
  static constexpr int64_t kTileColumns = 16;
  static constexpr int64_t kBlockBytes = 384 * 1024;  // rows of A: part of the L2 cache
};

template <class Kernel>
void gemm(const GemmArgs& args, size_t panel_bytes) {
  walk_panels<Kernel, 8, 4, 2, 1>(args, panel_bytes);
}

[[gnu::always_inline]] inline __m512 load_halfs(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
// `count` (1 … 4) consecutive codes of a row of A, then zeros, in each 32-bit lane.
[[gnu::always_inline]] inline __m512i broadcast_codes(const int8_t* p, size_t count) {
  int32_t quad = 0;
  __builtin_memcpy(&quad, p, count);
  return _mm512_set1_epi32(quad);
}

// Columns of the panel at `first` that exist.
[[gnu::always_inline]] inline __mmask16 column_mask(const GemmArgs& args, int64_t first) {
  const int64_t columns = args.n - first < 16 ? args.n - first : 16;
  return static_cast<__mmask16>((1u << columns) - 1u);
}

// C = acc + bias.
template <int R>
[[gnu::always_inline]] inline void store_sums(const GemmArgs& args, int64_t row, int64_t first, __m512 (&acc)[R]) {
  const __mmask16 mask = column_mask(args, first);
  float* c = args.c + row * args.c_stride + first;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    if (args.bias != nullptr) acc[r] = _mm512_add_ps(acc[r], _mm512_maskz_loadu_ps(mask, args.bias + first));
    _mm512_mask_storeu_ps(c + r * args.c_stride, mask, acc[r]);
  }
}

}  // namespace
}  // namespace slm::kernels
