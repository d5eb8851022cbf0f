// SPDX-License-Identifier: Apache-2.0
// 4-bit packed GEMM for AVX-512 VNNI: dpbusd multiplies the unsigned nibbles of 16 columns by four codes of a row of A,
// broadcast by the instruction itself. Q4_0's zero point is where the sums begin: −8·sum_a.
#include "kernels/gemm_q_avx512vnni.h"
#include "slm/kernels/gemm_q4/gemm_q4.h"

namespace slm::kernels {
namespace {

constexpr int64_t kPrefetchGroups = 8;

[[gnu::always_inline]] inline int32_t sum_begin(const Q4_0Group&, int32_t sum_a) { return -8 * sum_a; }
[[gnu::always_inline]] inline int32_t sum_begin(const Q4_1Group&, int32_t) { return 0; }

// What a group adds to 16 columns of one row besides float(s)·d_a·d_b.
[[gnu::always_inline]] inline __m512 add_minimum(const Q4_0Group&, float, int32_t, __m512 acc) { return acc; }
[[gnu::always_inline]] inline __m512 add_minimum(const Q4_1Group& group, float d_a, int32_t sum_a, __m512 acc) {
  const __m512 m = _mm512_mul_ps(_mm512_set1_ps(d_a), load_halfs(group.m));
  return _mm512_fmadd_ps(_mm512_set1_ps(static_cast<float>(sum_a)), m, acc);
}

template <class Group>
struct Kernel : Avx512Tiling {
  // R rows × 16 columns, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, int64_t first, const std::byte* panel,
                                          int64_t /*column*/) {
    const auto* group_of = reinterpret_cast<const Group*>(panel);
    const int64_t groups = args.k / 32;
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const int32_t* sum_a = args.a_sums + row * groups;
    const __m512i low_nibble = _mm512_set1_epi8(15);
    __m512 acc[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) acc[r] = _mm512_setzero_ps();
    for (int64_t g = 0; g < groups; ++g) {
      const Group& group = group_of[g];
      if (R == 1)  // a lone row reads B at the speed of memory: ask for it early
        for (size_t line = 0; line < sizeof(Group); line += 64)
          _mm_prefetch(reinterpret_cast<const char*>(&group_of[g + kPrefetchGroups]) + line, _MM_HINT_T0);
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
        for (int r = 0; r < R; ++r) s[r] = _mm512_dpbusd_epi32(s[r], low, broadcast_codes(quad + r * args.a_stride, 4));
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
          s[r] = _mm512_dpbusd_epi32(s[r], high, broadcast_codes(quad + 16 + r * args.a_stride, 4));
      }
      const __m512 d_b = load_halfs(group.d);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const float scale = d_a[r * groups + g];
        acc[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(s[r]), _mm512_mul_ps(_mm512_set1_ps(scale), d_b), acc[r]);
        acc[r] = add_minimum(group, scale, sum_a[r * groups + g], acc[r]);
      }
    }
    store_sums(args, row, first, acc);
  }
};

static_assert(Kernel<Q4_0Group>::kColumns == kQ4PanelColumns);

}  // namespace

void gemm_q4_0_avx512vnni(const GemmArgs& args) { gemm<Kernel<Q4_0Group>>(args, q4_0_panel_bytes(args.k)); }
void gemm_q4_1_avx512vnni(const GemmArgs& args) { gemm<Kernel<Q4_1Group>>(args, q4_1_panel_bytes(args.k)); }

}  // namespace slm::kernels
