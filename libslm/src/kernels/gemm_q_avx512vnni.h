// SPDX-License-Identifier: Apache-2.0
// What the integer GEMMs share on AVX-512 VNNI: tiles of up to 6 rows × two panels of 16 columns, a row of C in a
// vector for each panel. Four codes of a row of A, broadcast, meet both panels: one broadcast for two products, where a
// tile one panel wide waits for its loads. Included by ISA translation units only; internal linkage.
#pragma once

#include "kernels/avx512_intrinsics.h"
#include "kernels/panel_walk.h"

namespace slm::kernels {
namespace {

// Few rows read B at the speed of memory: one panel after another, as two streams are slower.
constexpr int kFewRows = 4;

/// What walk_panels() asks of a kernel. Part::tile<R, P>(args, row, first, panel, panel_bytes) computes R rows × P
/// panels.
template <class Part>
struct Avx512Kernel {
  static constexpr int64_t kColumns = 16;
  static constexpr int64_t kTileColumns = 32;
  static constexpr int64_t kBlockBytes = 384 * 1024;  // rows of A: part of the L2 cache

  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t /*column*/) {
    const size_t panel_bytes = Part::panel_bytes(args.k);
    const bool two = args.n - first > kColumns;
    if (R > kFewRows && two) return Part::template tile<R, 2>(args, row, first, panel, panel_bytes);
    Part::template tile<R, 1>(args, row, first, panel, panel_bytes);
    if (two) Part::template tile<R, 1>(args, row, first + kColumns, panel + panel_bytes, panel_bytes);
  }
};

template <class Part>
void gemm(const GemmArgs& args) {
  walk_panels<Avx512Kernel<Part>, 6, 5, 4, 3, 2, 1>(args, Part::panel_bytes(args.k));
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

// sums[p] += Σ of four k: the unsigned codes b[p] of each panel's columns · the codes of a row of A.
template <int P>
[[gnu::always_inline]] inline void add_products(const __m512i (&b)[P], __m512i codes, __m512i (&sums)[P]) {
#pragma GCC unroll 2
  for (int p = 0; p < P; ++p) sums[p] = _mm512_dpbusd_epi32(sums[p], b[p], codes);
}

// Scales of 16 columns in a group, and what they make of the sums that began at kGroupOffset: s·scale, rounded once, as
// kGroupZero·scale is exact where the scale has no more than 22 bits (a half has 11). A conversion would be one
// instruction more.
class GroupScale {
 public:
  [[gnu::always_inline]] explicit GroupScale(__m512 scale)
      : scale_(scale), zero_(_mm512_mul_ps(scale, _mm512_set1_ps(-kGroupZero))) {}
  [[gnu::always_inline]] __m512 times(__m512i s) const {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(s), scale_, zero_);
  }

 private:
  __m512 scale_, zero_;
};

// Columns of the panel at `first` that exist.
[[gnu::always_inline]] inline __mmask16 column_mask(const GemmArgs& args, int64_t first) {
  const int64_t columns = args.n - first < 16 ? args.n - first : 16;
  return static_cast<__mmask16>((1u << columns) - 1u);
}

// C = acc + (bias or 0, never −0).
template <int R, int P>
[[gnu::always_inline]] inline void store_sums(const GemmArgs& args, int64_t row, int64_t first, __m512 (&acc)[R][P]) {
#pragma GCC unroll 2
  for (int p = 0; p < P; ++p, first += 16) {
    const __mmask16 mask = column_mask(args, first);
    __m512 last = _mm512_setzero_ps();
    if (args.bias != nullptr) last = _mm512_add_ps(last, _mm512_maskz_loadu_ps(mask, args.bias + first));
    float* c = args.c + row * args.c_stride + first;
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) _mm512_mask_storeu_ps(c + r * args.c_stride, mask, _mm512_add_ps(acc[r][p], last));
  }
}

}  // namespace
}  // namespace slm::kernels
