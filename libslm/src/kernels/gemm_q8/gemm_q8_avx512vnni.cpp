// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for AVX-512 VNNI: dpbusd wants unsigned weights, so panels hold code_b + 128, which meet four codes
// of a row of A, broadcast once for all panels; the sums begin at the offset.
#include <cstddef>

#include "kernels/gemm_q_avx512vnni.h"
#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

// s[r][p] += Σ of four k, for R rows × P panels; quad: those k of the first panel, the next one's lie panel_bytes on.
template <int R, int P>
[[gnu::always_inline]] inline void add_quad(const int8_t* a, int64_t a_stride, size_t count, const std::byte* quad,
                                            size_t panel_bytes, __m512i (&s)[R][P]) {
  __m512i b[P];
#pragma GCC unroll 2
  for (int p = 0; p < P; ++p) b[p] = _mm512_loadu_si512(quad + static_cast<size_t>(p) * panel_bytes);
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) add_products(b, broadcast_codes(a + r * a_stride, count), s[r]);
}

// w8g32: panels are groups, each with its scales.
struct Q8_0Part {
  static size_t panel_bytes(int64_t k) { return q8_0_panel_bytes(k); }

  // R rows × P panels, all of k.
  template <int R, int P>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          size_t panel_bytes) {
    const int64_t groups = args.k / 32;
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const int32_t* offset = args.a_offsets + row * groups;
    __m512 acc[R][P];
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) acc[r][p] = _mm512_setzero_ps();
    for (int64_t g = 0; g < groups; ++g, panel += sizeof(Q8_0Group)) {
      __m512i s[R][P];
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
        for (int p = 0; p < P; ++p) s[r][p] = _mm512_set1_epi32(offset[r * groups + g]);
#pragma GCC unroll 8
      for (int q = 0; q < 8; ++q)
        add_quad(a + 32 * g + 4 * q, args.a_stride, 4,
                 panel + offsetof(Q8_0Group, words) + static_cast<size_t>(q) * sizeof(Q8Quad), panel_bytes, s);
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) {
        const auto* group = reinterpret_cast<const Q8_0Group*>(panel + static_cast<size_t>(p) * panel_bytes);
        const GroupScale d_b(load_halfs(group->d));
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r)
          acc[r][p] = _mm512_fmadd_ps(d_b.times(s[r][p]), _mm512_set1_ps(d_a[r * groups + g]), acc[r][p]);
      }
    }
    store_sums(args, row, first, acc);
  }
};

// w8c: one scale per column before the codes.
struct Q8CPart {
  static size_t panel_bytes(int64_t k) { return q8c_panel_bytes(k); }

  template <int R, int P>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          size_t panel_bytes) {
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const std::byte* quad = panel + sizeof(Q8CHeader);
    __m512i s[R][P];
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) s[r][p] = _mm512_set1_epi32(args.a_offsets[row + r]);
    int64_t j = 0;
#pragma GCC unroll 8  // one at a time GCC 12 copies all sums there and back with each quad
    for (; j + 4 <= args.k; j += 4, quad += sizeof(Q8Quad)) add_quad(a + j, args.a_stride, 4, quad, panel_bytes, s);
    if (j < args.k) add_quad(a + j, args.a_stride, static_cast<size_t>(args.k - j), quad, panel_bytes, s);

#pragma GCC unroll 2
    for (int p = 0; p < P; ++p, panel += panel_bytes, first += kQ8PanelColumns) {
      const __mmask16 mask = column_mask(args, first);
      const __m512 bias = args.bias != nullptr ? _mm512_maskz_loadu_ps(mask, args.bias + first) : _mm512_setzero_ps();
      const __m512 d_b = _mm512_loadu_ps(reinterpret_cast<const Q8CHeader*>(panel)->d);
      float* c = args.c + row * args.c_stride + first;
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r) {
        const __m512 d = _mm512_mul_ps(_mm512_set1_ps(args.a_scales[row + r]), d_b);
        _mm512_mask_storeu_ps(c + r * args.c_stride, mask, _mm512_fmadd_ps(_mm512_cvtepi32_ps(s[r][p]), d, bias));
      }
    }
  }
};

static_assert(Avx512Kernel<Q8_0Part>::kColumns == kQ8PanelColumns);

}  // namespace

void gemm_q8_0_avx512vnni(const GemmArgs& args) { gemm<Q8_0Part>(args); }
void gemm_q8c_avx512vnni(const GemmArgs& args) { gemm<Q8CPart>(args); }

}  // namespace slm::kernels
