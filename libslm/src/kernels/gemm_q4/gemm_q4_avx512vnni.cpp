// SPDX-License-Identifier: Apache-2.0
// 4-bit packed GEMM for AVX-512 VNNI: dpbusd multiplies the unsigned nibbles of 16 columns by four codes of a row of A,
// broadcast by the instruction itself. Q4_0's zero point is where the sums begin: −8·sum_a.
#if defined(__GNUC__) && !defined(__clang__)  // GCC 12 warns about its own AVX-512 header (PR 105593)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "slm/kernels/gemm_q4/gemm_q4.h"

namespace slm::kernels {
namespace {

constexpr int64_t kColumns = kQ4PanelColumns;
constexpr int64_t kRowTile = 8;
// Rows of A that stay in the L2 cache while all panels pass.
constexpr int64_t kBlockBytes = 384 * 1024;
constexpr int64_t kPrefetchGroups = 8;

// Four consecutive codes of a row of A, in each 32-bit lane.
[[gnu::always_inline]] inline __m512i broadcast_quad(const int8_t* p) {
  int32_t quad;
  __builtin_memcpy(&quad, p, sizeof(quad));
  return _mm512_set1_epi32(quad);
}
[[gnu::always_inline]] inline __m512 load_halfs(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

[[gnu::always_inline]] inline int32_t sum_begin(const Q4_0Group&, int32_t sum_a) { return -8 * sum_a; }
[[gnu::always_inline]] inline int32_t sum_begin(const Q4_1Group&, int32_t) { return 0; }

// What a group adds to 16 columns of one row besides float(s)·d_a·d_b.
[[gnu::always_inline]] inline __m512 add_minimum(const Q4_0Group&, float, int32_t, __m512 acc) { return acc; }
[[gnu::always_inline]] inline __m512 add_minimum(const Q4_1Group& group, float d_a, int32_t sum_a, __m512 acc) {
  const __m512 m = _mm512_mul_ps(_mm512_set1_ps(d_a), load_halfs(group.m));
  return _mm512_fmadd_ps(_mm512_set1_ps(static_cast<float>(sum_a)), m, acc);
}

// R rows × 16 columns, all of k.
template <int R, class Group>
[[gnu::always_inline]] inline void tile(const GemmArgs& args, int64_t row, const Group* panel, int64_t first) {
  const int64_t groups = args.k / 32;
  const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
  const float* d_a = args.a_scales + row * groups;
  const int32_t* sum_a = args.a_sums + row * groups;
  const __m512i low_nibble = _mm512_set1_epi8(15);
  __m512 acc[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) acc[r] = _mm512_setzero_ps();
  for (int64_t g = 0; g < groups; ++g) {
    const Group& group = panel[g];
    if (R == 1)  // a lone row reads B at the speed of memory: ask for it early
      for (size_t line = 0; line < sizeof(Group); line += 64)
        _mm_prefetch(reinterpret_cast<const char*>(&panel[g + kPrefetchGroups]) + line, _MM_HINT_T0);
    __m512i s[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) s[r] = _mm512_set1_epi32(sum_begin(group, sum_a[r * groups + g]));
#pragma GCC unroll 4
    for (int p = 0; p < 4; ++p) {
      const __m512i raw = _mm512_loadu_si512(group.nibbles[p]);
      const __m512i low = _mm512_and_si512(raw, low_nibble);
      const __m512i high = _mm512_and_si512(_mm512_srli_epi16(raw, 4), low_nibble);
      const int8_t* quad = a + 32 * g + 4 * p;
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) s[r] = _mm512_dpbusd_epi32(s[r], low, broadcast_quad(quad + r * args.a_stride));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) s[r] = _mm512_dpbusd_epi32(s[r], high, broadcast_quad(quad + 16 + r * args.a_stride));
    }
    const __m512 d_b = load_halfs(group.d);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const float scale = d_a[r * groups + g];
      acc[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(s[r]), _mm512_mul_ps(_mm512_set1_ps(scale), d_b), acc[r]);
      acc[r] = add_minimum(group, scale, sum_a[r * groups + g], acc[r]);
    }
  }

  const int64_t columns = args.n - first < kColumns ? args.n - first : kColumns;
  const auto mask = static_cast<__mmask16>((1u << columns) - 1u);
  float* c = args.c + row * args.c_stride + first;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    if (args.bias != nullptr) acc[r] = _mm512_add_ps(acc[r], _mm512_maskz_loadu_ps(mask, args.bias + first));
    _mm512_mask_storeu_ps(c + r * args.c_stride, mask, acc[r]);
  }
}

template <class Group>
void gemm(const GemmArgs& args) {
  const int64_t panel_bytes = (args.k / 32 * static_cast<int64_t>(sizeof(Group)) + 63) / 64 * 64;
  const int64_t tiles = kBlockBytes / (kRowTile * args.k);
  const int64_t block = kRowTile * (tiles > 0 ? tiles : 1);
  for (int64_t begin = 0; begin < args.m; begin += block) {
    const int64_t end = args.m - begin < block ? args.m : begin + block;
    for (int64_t first = 0; first < args.n; first += kColumns) {
      const auto* panel = reinterpret_cast<const Group*>(args.b + first / kColumns * panel_bytes);
      int64_t row = begin;
      for (; row + 8 <= end; row += 8) tile<8>(args, row, panel, first);
      if (row + 4 <= end) tile<4>(args, row, panel, first), row += 4;
      if (row + 2 <= end) tile<2>(args, row, panel, first), row += 2;
      if (row < end) tile<1>(args, row, panel, first);
    }
  }
}

}  // namespace

void gemm_q4_0_avx512vnni(const GemmArgs& args) { gemm<Q4_0Group>(args); }
void gemm_q4_1_avx512vnni(const GemmArgs& args) { gemm<Q4_1Group>(args); }

}  // namespace slm::kernels
