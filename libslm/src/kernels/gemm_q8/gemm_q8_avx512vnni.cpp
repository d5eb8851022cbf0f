// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for AVX-512 VNNI: dpbusd wants unsigned weights, so code_b + 128 (one xor per load of B for all
// rows of the tile) meets four codes of a row of A, broadcast by the instruction itself; the sums begin at −128·sum_a.
#include "kernels/gemm_q_avx512vnni.h"
#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

constexpr int64_t kPrefetchBytes = 4096;

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

// w8g32: panels are groups, each with its scales.
struct Q8_0Kernel : Avx512Tiling {
  // R rows × 16 columns, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t /*column*/) {
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
      const __m512 d_b = load_halfs(group->d);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const __m512 d = _mm512_mul_ps(_mm512_set1_ps(d_a[r * groups + g]), d_b);
        acc[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(s[r]), d, acc[r]);
      }
    }
    store_sums(args, row, first, acc);
  }
};

// w8c: one scale per column before the codes.
struct Q8CKernel : Avx512Tiling {
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t /*column*/) {
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

static_assert(Q8_0Kernel::kColumns == kQ8PanelColumns && Q8CKernel::kColumns == kQ8PanelColumns);

}  // namespace

void gemm_q8_0_avx512vnni(const GemmArgs& args) { gemm<Q8_0Kernel>(args, q8_0_panel_bytes(args.k)); }
void gemm_q8c_avx512vnni(const GemmArgs& args) { gemm<Q8CKernel>(args, q8c_panel_bytes(args.k)); }

}  // namespace slm::kernels
