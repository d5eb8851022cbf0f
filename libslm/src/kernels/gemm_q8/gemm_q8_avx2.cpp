// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for AVX2 + FMA + F16C.
// maddubs wants one unsigned side: |code_b|, made once per load of B for all rows of the tile;
// the sign moves to a.
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

// s += |b|·sign(codes, b) over four k. The empty asm keeps the sum a chain in one register: left to itself, GCC turns
// it into a tree of many live products, spills most of them, and runs at a third of the speed.
[[gnu::always_inline]] inline void add_products(__m256i b, __m256i abs_b, __m256i codes, __m256i& s) {
  const __m256i pairs = _mm256_maddubs_epi16(abs_b, _mm256_sign_epi8(codes, b));
  s = _mm256_add_epi32(s, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  asm("" : "+x"(s));
}

// s[r][half] += Σ of four k, for R rows × 16 columns.
template <int R>
[[gnu::always_inline]] inline void add_quad(const int8_t* a, int64_t a_stride, size_t count, const Q8Quad& quad,
                                            __m256i (&s)[R][2]) {
  const __m256i b0 = load(quad.codes[0]);
  const __m256i b1 = load(quad.codes[8]);
  const __m256i abs0 = _mm256_abs_epi8(b0);
  const __m256i abs1 = _mm256_abs_epi8(b1);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const __m256i codes = broadcast_codes(a + r * a_stride, count);
    add_products(b0, abs0, codes, s[r][0]);
    add_products(b1, abs1, codes, s[r][1]);
  }
}

[[gnu::always_inline]] inline void prefetch(const void* p, size_t bytes) {
  for (size_t line = 0; line < bytes; line += 64)
    _mm_prefetch(static_cast<const char*>(p) + kPrefetchBytes + line, _MM_HINT_T0);
}

// One row of c out, `columns` of 16 floats.
[[gnu::always_inline]] inline void store(__m256 low, __m256 high, int64_t columns, float* c) {
  if (columns == kColumns) {
    _mm256_storeu_ps(c, low);
    _mm256_storeu_ps(c + 8, high);
  } else {
    alignas(32) float out[kColumns];
    _mm256_store_ps(out, low);
    _mm256_store_ps(out + 8, high);
    for (int64_t j = 0; j < columns; ++j) c[j] = out[j];
  }
}

// The bias of one panel's columns; zeros where there is none.
struct Bias {
  Bias(const GemmArgs& args, int64_t first, int64_t columns) {
    for (int64_t j = 0; j < kColumns; ++j)
      values[j] = args.bias != nullptr && j < columns ? args.bias[first + j] : 0.0f;
  }
  __m256 half(int index) const { return _mm256_load_ps(values + 8 * index); }
  alignas(32) float values[kColumns];
};

// w8g32: panels are groups, each with its scales.
struct Q8_0Kernel {
  static int64_t panel_bytes(int64_t k) { return (k / 32 * static_cast<int64_t>(sizeof(Q8_0Group)) + 63) / 64 * 64; }

  // R rows × 16 columns, all of k.
  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, const std::byte* panel, int64_t first) {
    const int64_t groups = args.k / 32;
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const float* d_a = args.a_scales + row * groups;
    const auto* group = reinterpret_cast<const Q8_0Group*>(panel);
    __m256 acc[R][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_ps();
    for (int64_t g = 0; g < groups; ++g, ++group) {
      if (R == 1) prefetch(group, sizeof(*group));  // a lone row reads B at the speed of memory: ask for it early
      __m256i s[R][2];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = _mm256_setzero_si256();
#pragma GCC unroll 8
      for (int q = 0; q < 8; ++q) add_quad<R>(a + 32 * g + 4 * q, args.a_stride, 4, group->quads[q], s);
      const __m256 d[2] = {load_halfs(group->d), load_halfs(group->d + 8)};
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const __m256 scale = _mm256_set1_ps(d_a[r * groups + g]);
#pragma GCC unroll 8
        for (int half = 0; half < 2; ++half)
          acc[r][half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(s[r][half]), _mm256_mul_ps(scale, d[half]), acc[r][half]);
      }
    }
    const int64_t columns = args.n - first < kColumns ? args.n - first : kColumns;
    if (args.bias != nullptr) {
      const Bias bias(args, first, columns);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int half = 0; half < 2; ++half) acc[r][half] = _mm256_add_ps(acc[r][half], bias.half(half));
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) store(acc[r][0], acc[r][1], columns, args.c + (row + r) * args.c_stride + first);
  }
};

// w8c: one scale per column before the codes.
struct Q8CKernel {
  static int64_t panel_bytes(int64_t k) {
    return static_cast<int64_t>(sizeof(Q8CHeader)) + (k + 3) / 4 * static_cast<int64_t>(sizeof(Q8Quad));
  }

  template <int R>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, const std::byte* panel, int64_t first) {
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const auto* header = reinterpret_cast<const Q8CHeader*>(panel);
    const auto* quad = reinterpret_cast<const Q8Quad*>(panel + sizeof(Q8CHeader));
    __m256i s[R][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) s[r][0] = s[r][1] = _mm256_setzero_si256();
    int64_t j = 0;
#pragma GCC unroll 4
    for (; j + 4 <= args.k; j += 4, ++quad) {
      if (R == 1) prefetch(quad, sizeof(*quad));
      add_quad<R>(a + j, args.a_stride, 4, *quad, s);
    }
    if (j < args.k) add_quad<R>(a + j, args.a_stride, static_cast<size_t>(args.k - j), *quad, s);

    const int64_t columns = args.n - first < kColumns ? args.n - first : kColumns;
    const Bias bias(args, first, columns);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m256 d_a = _mm256_set1_ps(args.a_scales[row + r]);
      __m256 out[2];
#pragma GCC unroll 8
      for (int half = 0; half < 2; ++half) {
        const __m256 d = _mm256_mul_ps(d_a, _mm256_loadu_ps(header->d + 8 * half));
        out[half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(s[r][half]), d, bias.half(half));
      }
      store(out[0], out[1], columns, args.c + (row + r) * args.c_stride + first);
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
      for (; row + 4 <= end; row += 4) Kernel::template tile<4>(args, row, panel, first);
      switch (end - row) {
        case 3:
          Kernel::template tile<3>(args, row, panel, first);
          break;
        case 2:
          Kernel::template tile<2>(args, row, panel, first);
          break;
        case 1:
          Kernel::template tile<1>(args, row, panel, first);
          break;
        default:
          break;
      }
    }
  }
}

}  // namespace

void gemm_q8_0_avx2(const GemmArgs& args) { gemm<Q8_0Kernel>(args); }
void gemm_q8c_avx2(const GemmArgs& args) { gemm<Q8CKernel>(args); }

}  // namespace slm::kernels
