// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for AVX-512 VNNI: dpbusd wants unsigned weights, so code_b + 128 (one xor per load of B for all
// rows of the tile) meets four codes of a row of A, broadcast by the instruction itself; the sums begin at −128·sum_a.
#if defined(__GNUC__) && !defined(__clang__)  // GCC 12 warns about its own AVX-512 header (PR 105593)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

constexpr int64_t kColumns = kQ8PanelColumns;
constexpr int64_t kRowTile = 8;
// Rows of A that stay in the L2 cache while all panels pass.
constexpr int64_t kBlockBytes = 384 * 1024;
constexpr int64_t kPrefetchBytes = 4096;

// `count` (1 … 4) consecutive codes of a row of A, then zeros, in each 32-bit lane.
[[gnu::always_inline]] inline __m512i broadcast_codes(const int8_t* p, size_t count) {
  int32_t quad = 0;
  __builtin_memcpy(&quad, p, count);
  return _mm512_set1_epi32(quad);
}

// s[r] += Σ of four k, for R rows × 16 columns.
template <int R>
[[gnu::always_inline]] inline void add_quad(const int8_t* a, int64_t a_stride, size_t count, const Q8Quad& quad,
                                            __m512i (&s)[R]) {
  if (R == 1) _mm_prefetch(reinterpret_cast<const char*>(&quad) + kPrefetchBytes, _MM_HINT_T0);
  const __m512i b =
      _mm512_xor_si512(_mm512_loadu_si512(quad.codes), _mm512_set1_epi32(static_cast<int32_t>(0x80808080u)));
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) s[r] = _mm512_dpbusd_epi32(s[r], b, broadcast_codes(a + r * a_stride, count));
}

// Columns of a panel that exist.
[[gnu::always_inline]] inline __mmask16 column_mask(const GemmArgs& args, int64_t first) {
  const int64_t columns = args.n - first < kColumns ? args.n - first : kColumns;
  return static_cast<__mmask16>((1u << columns) - 1u);
}

// w8g32: panels are groups, each with its scales.
struct Q8_0Kernel {
  [[gnu::always_inline]] static int64_t panel_bytes(int64_t k) {
    return (k / 32 * static_cast<int64_t>(sizeof(Q8_0Group)) + 63) / 64 * 64;
  }

  // R rows × 16 columns, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, const std::byte* panel, int64_t first) {
    const int64_t groups = args.k / 32;
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const int32_t* sum_a = args.a_sums + row * groups;
    const auto* group = reinterpret_cast<const Q8_0Group*>(panel);
    __m512 acc[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) acc[r] = _mm512_setzero_ps();
    for (int64_t g = 0; g < groups; ++g, ++group) {
      __m512i s[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) s[r] = _mm512_set1_epi32(-128 * sum_a[r * groups + g]);
#pragma GCC unroll 8
      for (int q = 0; q < 8; ++q) add_quad<R>(a + 32 * g + 4 * q, args.a_stride, 4, group->quads[q], s);
      const __m512 d_b = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(group->d)));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const __m512 d = _mm512_mul_ps(_mm512_set1_ps(d_a[r * groups + g]), d_b);
        acc[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(s[r]), d, acc[r]);
      }
    }
    const __mmask16 mask = column_mask(args, first);
    float* c = args.c + row * args.c_stride + first;
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      if (args.bias != nullptr) acc[r] = _mm512_add_ps(acc[r], _mm512_maskz_loadu_ps(mask, args.bias + first));
      _mm512_mask_storeu_ps(c + r * args.c_stride, mask, acc[r]);
    }
  }
};

// w8c: one scale per column before the codes.
struct Q8CKernel {
  [[gnu::always_inline]] static int64_t panel_bytes(int64_t k) {
    return static_cast<int64_t>(sizeof(Q8CHeader)) + (k + 3) / 4 * static_cast<int64_t>(sizeof(Q8Quad));
  }

  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, const std::byte* panel, int64_t first) {
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const auto* header = reinterpret_cast<const Q8CHeader*>(panel);
    const auto* quad = reinterpret_cast<const Q8Quad*>(panel + sizeof(Q8CHeader));
    __m512i s[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) s[r] = _mm512_set1_epi32(-128 * args.a_sums[row + r]);
    int64_t j = 0;
    for (; j + 4 <= args.k; j += 4, ++quad) add_quad<R>(a + j, args.a_stride, 4, *quad, s);
    if (j < args.k) add_quad<R>(a + j, args.a_stride, static_cast<size_t>(args.k - j), *quad, s);

    const __mmask16 mask = column_mask(args, first);
    const __m512 bias = args.bias != nullptr ? _mm512_maskz_loadu_ps(mask, args.bias + first) : _mm512_setzero_ps();
    const __m512 d_b = _mm512_loadu_ps(header->d);
    float* c = args.c + row * args.c_stride + first;
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m512 d = _mm512_mul_ps(_mm512_set1_ps(args.a_scales[row + r]), d_b);
      _mm512_mask_storeu_ps(c + r * args.c_stride, mask, _mm512_fmadd_ps(_mm512_cvtepi32_ps(s[r]), d, bias));
    }
  }
};

template <class Kernel>
void gemm(const GemmArgs& args) {
  const int64_t panel_bytes = Kernel::panel_bytes(args.k);
  const int64_t tiles = kBlockBytes / (kRowTile * args.k);
  const int64_t block = kRowTile * (tiles > 0 ? tiles : 1);
  for (int64_t begin = 0; begin < args.m; begin += block) {
    const int64_t end = args.m - begin < block ? args.m : begin + block;
    for (int64_t first = 0; first < args.n; first += kColumns) {
      const std::byte* panel = args.b + first / kColumns * panel_bytes;
      int64_t row = begin;
      for (; row + 8 <= end; row += 8) Kernel::template tile<8>(args, row, panel, first);
      if (row + 4 <= end) Kernel::template tile<4>(args, row, panel, first), row += 4;
      if (row + 2 <= end) Kernel::template tile<2>(args, row, panel, first), row += 2;
      if (row < end) Kernel::template tile<1>(args, row, panel, first);
    }
  }
}

}  // namespace

void gemm_q8_0_avx512vnni(const GemmArgs& args) { gemm<Q8_0Kernel>(args); }
void gemm_q8c_avx512vnni(const GemmArgs& args) { gemm<Q8CKernel>(args); }

}  // namespace slm::kernels
