// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for AVX2 + FMA + F16C.
// maddubs wants one unsigned side: |code_b|, made once per load of B for all rows of the tile; the sign moves to a.
#include <immintrin.h>

#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

constexpr int64_t kColumns = kQ8PanelColumns;
constexpr int64_t kRowTile = 4;
// Rows of A that stay in the L2 cache while all panels pass.
constexpr int64_t kBlockBytes = 192 * 1024;
constexpr int64_t kPrefetchBytes = 2048;

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

// s[r][half] += Σ of four k, for R rows × 16 columns.
template <int R>
[[gnu::always_inline]] inline void add_quad(const int8_t* a, int64_t a_stride, size_t count, const Q8Quad& quad,
                                            __m256i (&s)[R][2]) {
  const __m256i ones = _mm256_set1_epi16(1);
  const __m256i b0 = load(quad.codes[0]);
  const __m256i b1 = load(quad.codes[8]);
  const __m256i abs0 = _mm256_abs_epi8(b0);
  const __m256i abs1 = _mm256_abs_epi8(b1);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const __m256i codes = broadcast_codes(a + r * a_stride, count);
    const __m256i pairs0 = _mm256_maddubs_epi16(abs0, _mm256_sign_epi8(codes, b0));
    const __m256i pairs1 = _mm256_maddubs_epi16(abs1, _mm256_sign_epi8(codes, b1));
    s[r][0] = _mm256_add_epi32(s[r][0], _mm256_madd_epi16(pairs0, ones));
    s[r][1] = _mm256_add_epi32(s[r][1], _mm256_madd_epi16(pairs1, ones));
  }
}

[[gnu::always_inline]] inline void prefetch(const void* p, size_t bytes) {
  for (size_t line = 0; line < bytes; line += 64)
    _mm_prefetch(static_cast<const char*>(p) + kPrefetchBytes + line, _MM_HINT_T0);
}

// R rows × 16 columns, all of k, of w8g32.
template <int R>
[[gnu::always_inline]] inline void tile_q8_0(const GemmArgs& args, int64_t row, const std::byte* panel, int64_t first) {
  const int64_t groups = args.k / 32;
  const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
  const float* d_a = args.a_scales + row * groups;
  const auto* group = reinterpret_cast<const Q8_0Group*>(panel);
  __m256 acc[R][2];
  for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_ps();
  for (int64_t g = 0; g < groups; ++g, ++group) {
    if (R == 1) prefetch(group, sizeof(*group));  // a lone row reads B at the speed of memory: ask for it early
    __m256i s[R][2];
    for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int q = 0; q < 8; ++q) add_quad<R>(a + 32 * g + 4 * q, args.a_stride, 4, group->quads[q], s);
    const __m256 d[2] = {load_halfs(group->d), load_halfs(group->d + 8)};
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m256 scale = _mm256_set1_ps(d_a[r * groups + g]);
      for (int half = 0; half < 2; ++half)
        acc[r][half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(s[r][half]), _mm256_mul_ps(scale, d[half]), acc[r][half]);
    }
  }

  const int64_t columns = args.n - first < kColumns ? args.n - first : kColumns;
  for (int r = 0; r < R; ++r) {
    float* c = args.c + (row + r) * args.c_stride + first;
    const float* bias = args.bias != nullptr ? args.bias + first : nullptr;
    if (columns == kColumns) {
      for (int half = 0; half < 2; ++half)
        _mm256_storeu_ps(c + 8 * half, bias != nullptr ? _mm256_add_ps(acc[r][half], _mm256_loadu_ps(bias + 8 * half))
                                                       : acc[r][half]);
    } else {
      alignas(32) float out[kColumns];
      _mm256_store_ps(out, acc[r][0]);
      _mm256_store_ps(out + 8, acc[r][1]);
      for (int64_t j = 0; j < columns; ++j) c[j] = bias != nullptr ? out[j] + bias[j] : out[j];
    }
  }
}

// R rows × 16 columns, all of k, of w8c.
template <int R>
[[gnu::always_inline]] inline void tile_q8c(const GemmArgs& args, int64_t row, const std::byte* panel, int64_t first) {
  const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
  const auto* header = reinterpret_cast<const Q8CHeader*>(panel);
  const auto* quad = reinterpret_cast<const Q8Quad*>(panel + sizeof(Q8CHeader));
  __m256i s[R][2];
  for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = _mm256_setzero_si256();
  int64_t j = 0;
  for (; j + 4 <= args.k; j += 4, ++quad) {
    if (R == 1) prefetch(quad, sizeof(*quad));
    add_quad<R>(a + j, args.a_stride, 4, *quad, s);
  }
  if (j < args.k) add_quad<R>(a + j, args.a_stride, static_cast<size_t>(args.k - j), *quad, s);

  const int64_t columns = args.n - first < kColumns ? args.n - first : kColumns;
  alignas(32) float bias[kColumns] = {};
  if (args.bias != nullptr)
    for (int64_t i = 0; i < columns; ++i) bias[i] = args.bias[first + i];
  for (int r = 0; r < R; ++r) {
    float* c = args.c + (row + r) * args.c_stride + first;
    const __m256 d_a = _mm256_set1_ps(args.a_scales[row + r]);
    alignas(32) float out[kColumns];
    for (int half = 0; half < 2; ++half) {
      const __m256 d = _mm256_mul_ps(d_a, _mm256_loadu_ps(header->d + 8 * half));
      const __m256 value = _mm256_fmadd_ps(_mm256_cvtepi32_ps(s[r][half]), d, _mm256_load_ps(bias + 8 * half));
      if (columns == kColumns) {
        _mm256_storeu_ps(c + 8 * half, value);
      } else {
        _mm256_store_ps(out + 8 * half, value);
      }
    }
    if (columns < kColumns)
      for (int64_t i = 0; i < columns; ++i) c[i] = out[i];
  }
}

using Tile = void (*)(const GemmArgs&, int64_t, const std::byte*, int64_t);

// Panels inside blocks of rows; `Tiles` are the tile functions for 1, 2, 3 and 4 rows.
template <Tile One, Tile Two, Tile Three, Tile Four>
void gemm(const GemmArgs& args, int64_t panel_bytes) {
  const int64_t tiles = kBlockBytes / (kRowTile * args.k);
  const int64_t block = kRowTile * (tiles > 0 ? tiles : 1);
  for (int64_t begin = 0; begin < args.m; begin += block) {
    const int64_t end = args.m - begin < block ? args.m : begin + block;
    for (int64_t first = 0; first < args.n; first += kColumns) {
      const std::byte* panel = args.b + first / kColumns * panel_bytes;
      int64_t row = begin;
      for (; row + 4 <= end; row += 4) Four(args, row, panel, first);
      switch (end - row) {
        case 3:
          Three(args, row, panel, first);
          break;
        case 2:
          Two(args, row, panel, first);
          break;
        case 1:
          One(args, row, panel, first);
          break;
        default:
          break;
      }
    }
  }
}

}  // namespace

void gemm_q8_0_avx2(const GemmArgs& args) {
  gemm<tile_q8_0<1>, tile_q8_0<2>, tile_q8_0<3>, tile_q8_0<4>>(
      args, (args.k / 32 * static_cast<int64_t>(sizeof(Q8_0Group)) + 63) / 64 * 64);
}

void gemm_q8c_avx2(const GemmArgs& args) {
  gemm<tile_q8c<1>, tile_q8c<2>, tile_q8c<3>, tile_q8c<4>>(
      args, static_cast<int64_t>(sizeof(Q8CHeader)) + (args.k + 3) / 4 * static_cast<int64_t>(sizeof(Q8Quad)));
}

}  // namespace slm::kernels
