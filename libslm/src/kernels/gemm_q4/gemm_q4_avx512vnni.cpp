// SPDX-License-Identifier: Apache-2.0
// 4-bit packed GEMM for AVX-512 VNNI: dpbusd multiplies the unsigned nibbles of 16 columns by four codes of a row of A,
// broadcast once for all panels. Nibbles are multiplied in the high half of their bytes: sums are 16-fold, so that
// Q4_0's zero point, −16·8·Σ code_a, is the offset where the sums begin.
#include "kernels/gemm_q_avx512vnni.h"
#include "slm/kernels/gemm_q4/gemm_q4.h"

namespace slm::kernels {
namespace {

[[gnu::always_inline]] inline int32_t sum_begin(const Q4_0Group&, int32_t offset) { return offset; }
[[gnu::always_inline]] inline int32_t sum_begin(const Q4_1Group&, int32_t) { return kGroupOffset; }
static_assert(kOffsetPerCode == -16 * 8);

// What a group adds to 16 columns of one row besides float(s)·d_b·d_a.
[[gnu::always_inline]] inline __m512 add_minimum(const Q4_0Group&, float, int32_t, __m512 acc) { return acc; }
[[gnu::always_inline]] inline __m512 add_minimum(const Q4_1Group& group, float d_a, int32_t offset, __m512 acc) {
  const GroupScale m(_mm512_mul_ps(load_halfs(group.m), _mm512_set1_ps(1.0f / kOffsetPerCode)));
  return _mm512_fmadd_ps(m.times(_mm512_set1_epi32(offset)), _mm512_set1_ps(d_a), acc);
}

// Asks for a line of B 9 KB on, where up to four rows meet it: Intel's cores do not fetch ahead far enough for a lone
// row, AMD's do, and lose nothing; more rows have time (docs/performance.md).
template <int R>
[[gnu::always_inline]] inline void prefetch(const void* group, int line) {
  constexpr int kBytesAhead = 9216;
  if (R <= kFewRows) _mm_prefetch(static_cast<const char*>(group) + kBytesAhead + 64 * line, _MM_HINT_T0);
}

template <class Group, size_t (*kPanelBytes)(int64_t k)>
struct Part {
  static size_t panel_bytes(int64_t k) { return kPanelBytes(k); }

  // R rows × P panels, all of k.
  template <int R, int P>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          size_t panel_bytes) {
    const int64_t groups = args.k / 32;
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const int32_t* offset = args.a_offsets + row * groups;
    const __m512i high_half = _mm512_set1_epi8(static_cast<char>(0xf0));
    __m512 acc[R][P];
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) acc[r][p] = _mm512_setzero_ps();
    for (int64_t g = 0; g < groups; ++g) {
      const Group* group[P];
      __m512i s[R][P];
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) {
        group[p] = reinterpret_cast<const Group*>(panel + static_cast<size_t>(p) * panel_bytes) + g;
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r) s[r][p] = _mm512_set1_epi32(sum_begin(*group[p], offset[r * groups + g]));
      }
#pragma GCC unroll 4
      for (int quad = 0; quad < 4; ++quad) {
        prefetch<R>(group[0], quad);
        __m512i low[P], high[P];
#pragma GCC unroll 2
        for (int p = 0; p < P; ++p) {
          const __m512i raw = _mm512_loadu_si512(group[p]->nibbles[quad]);
          low[p] = _mm512_and_si512(_mm512_slli_epi16(raw, 4), high_half);
          high[p] = _mm512_and_si512(raw, high_half);
        }
        const int8_t* codes = a + 32 * g + 4 * quad;
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r) add_products(low, broadcast_codes(codes + r * args.a_stride, 4), s[r]);
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r) add_products(high, broadcast_codes(codes + 16 + r * args.a_stride, 4), s[r]);
      }
      prefetch<R>(group[0], 4);
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) {
        const GroupScale d_b(_mm512_mul_ps(load_halfs(group[p]->d), _mm512_set1_ps(1.0f / 16)));
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r) {
          const float scale = d_a[r * groups + g];
          acc[r][p] = _mm512_fmadd_ps(d_b.times(s[r][p]), _mm512_set1_ps(scale), acc[r][p]);
          acc[r][p] = add_minimum(*group[p], scale, offset[r * groups + g], acc[r][p]);
        }
      }
    }
    store_sums(args, row, first, acc);
  }
};

static_assert(Avx512Kernel<Part<Q4_0Group, q4_0_panel_bytes>>::kColumns == kQ4PanelColumns);

}  // namespace

void gemm_q4_0_avx512vnni(const GemmArgs& args) { gemm<Part<Q4_0Group, q4_0_panel_bytes>>(args); }
void gemm_q4_1_avx512vnni(const GemmArgs& args) { gemm<Part<Q4_1Group, q4_1_panel_bytes>>(args); }

}  // namespace slm::kernels
