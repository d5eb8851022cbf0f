// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM for AVX2 + FMA + F16C.
// maddubs wants one unsigned side: |code_b|, made once per load of B for all rows of the tile; the sign goes to a
// (Signs).
#include <immintrin.h>

#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

constexpr int64_t kColumns = kQ8PanelColumns;
constexpr int64_t kRowTile = 4;
// Rows of A that stay in the L2 cache while all panels pass.
constexpr int64_t kBlockBytes = 192 * 1024;
constexpr int64_t kPrefetchBytes = 2048;
// Rows from which summing the negative codes of a panel pays.
constexpr int64_t kRowsWorthFlipping = 16;

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

// How the sign of a code of B comes to the side of a, as maddubs multiplies unsigned by signed:
enum class Signs {
  Moved,  ///< |b|·sign(a, b). vpsignb shares the two ports of the multiplications
  Flipped  ///< |b|·(a xor −[b<0]) = a·b − |b|·[b<0]: 5 to 15 % faster, but wants the sum of the negative |b| added back
};

// s += the products of four k. The empty asm keeps the sum a chain in one register: left to itself, GCC turns it into a
// tree of many live products, spills most of them, and runs at a third of the speed.
[[gnu::always_inline]] inline void add_products(__m256i abs_b, __m256i signed_codes, __m256i& s) {
  s = _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(abs_b, signed_codes), _mm256_set1_epi16(1)));
  asm("" : "+x"(s));
}

// s[r][half] += Σ of four k, for R rows × 16 columns.
template <int R, Signs kSigns>
[[gnu::always_inline]] inline void add_quad(const int8_t* a, int64_t a_stride, size_t count, const Q8Quad& quad,
                                            __m256i (&s)[R][2]) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i b0 = load(quad.codes[0]);
  const __m256i b1 = load(quad.codes[8]);
  const __m256i abs0 = _mm256_abs_epi8(b0);
  const __m256i abs1 = _mm256_abs_epi8(b1);
  const __m256i negative0 = _mm256_cmpgt_epi8(zero, b0);
  const __m256i negative1 = _mm256_cmpgt_epi8(zero, b1);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const __m256i codes = broadcast_codes(a + r * a_stride, count);
    if (kSigns == Signs::Moved) {
      add_products(abs0, _mm256_sign_epi8(codes, b0), s[r][0]);
      add_products(abs1, _mm256_sign_epi8(codes, b1), s[r][1]);
    } else {
      add_products(abs0, _mm256_xor_si256(codes, negative0), s[r][0]);
      add_products(abs1, _mm256_xor_si256(codes, negative1), s[r][1]);
    }
  }
}

// sums[column] += Σ |b| over the negative codes of four k: what Flipped owes.
[[gnu::always_inline]] inline void add_negatives(const Q8Quad& quad, __m256i (&sums)[2]) {
#pragma GCC unroll 8
  for (int half = 0; half < 2; ++half) {
    const __m256i b = load(quad.codes[8 * half]);
    const __m256i negatives = _mm256_and_si256(_mm256_abs_epi8(b), _mm256_cmpgt_epi8(_mm256_setzero_si256(), b));
    const __m256i pairs = _mm256_maddubs_epi16(negatives, _mm256_set1_epi8(1));
    sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
}

// Sums of negative codes, one row of 16 columns a group (Q8_0) or one for all of k (Q8C).
struct Negatives {
  alignas(64) int32_t sums[256][kColumns];
};

[[gnu::always_inline]] inline void prefetch(const void* p, size_t bytes) {
  for (size_t line = 0; line < bytes; line += 64)
    _mm_prefetch(static_cast<const char*>(p) + kPrefetchBytes + line, _MM_HINT_T0);
}

// Σ of s begins here: at zero, or at what Flipped owes.
template <int R, Signs kSigns>
[[gnu::always_inline]] inline void begin_sums(const Negatives* negatives, int64_t group, __m256i (&s)[R][2]) {
#pragma GCC unroll 8
  for (int half = 0; half < 2; ++half) {
    const __m256i begin = kSigns == Signs::Flipped ? load(negatives->sums[group] + 8 * half) : _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) s[r][half] = begin;
  }
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

  // False where k has more groups than Negatives holds.
  static bool sum_negatives(const std::byte* panel, int64_t k, Negatives& negatives) {
    if (k / 32 > static_cast<int64_t>(sizeof(negatives.sums) / sizeof(negatives.sums[0]))) return false;
    const auto* group = reinterpret_cast<const Q8_0Group*>(panel);
    for (int64_t g = 0; g < k / 32; ++g, ++group) {
      __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
      for (const Q8Quad& quad : group->quads) add_negatives(quad, sums);
#pragma GCC unroll 8
      for (int half = 0; half < 2; ++half)
        _mm256_store_si256(reinterpret_cast<__m256i*>(negatives.sums[g] + 8 * half), sums[half]);
    }
    return true;
  }

  // R rows × 16 columns, all of k.
  template <int R, Signs kSigns>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, const std::byte* panel,
                                          const Negatives* negatives, int64_t first) {
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
      begin_sums<R, kSigns>(negatives, g, s);
#pragma GCC unroll 8
      for (int q = 0; q < 8; ++q) add_quad<R, kSigns>(a + 32 * g + 4 * q, args.a_stride, 4, group->quads[q], s);
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

  static bool sum_negatives(const std::byte* panel, int64_t k, Negatives& negatives) {
    const auto* quads = reinterpret_cast<const Q8Quad*>(panel + sizeof(Q8CHeader));
    __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int64_t q = 0; q < (k + 3) / 4; ++q) add_negatives(quads[q], sums);
#pragma GCC unroll 8
    for (int half = 0; half < 2; ++half)
      _mm256_store_si256(reinterpret_cast<__m256i*>(negatives.sums[0] + 8 * half), sums[half]);
    return true;
  }

  template <int R, Signs kSigns>
  [[gnu::always_inline]] static void tile(const GemmArgs& args, int64_t row, const std::byte* panel,
                                          const Negatives* negatives, int64_t first) {
    const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
    const auto* header = reinterpret_cast<const Q8CHeader*>(panel);
    const auto* quad = reinterpret_cast<const Q8Quad*>(panel + sizeof(Q8CHeader));
    __m256i s[R][2];
    begin_sums<R, kSigns>(negatives, 0, s);
    int64_t j = 0;
#pragma GCC unroll 4
    for (; j + 4 <= args.k; j += 4, ++quad) {
      if (R == 1) prefetch(quad, sizeof(*quad));
      add_quad<R, kSigns>(a + j, args.a_stride, 4, *quad, s);
    }
    if (j < args.k) add_quad<R, kSigns>(a + j, args.a_stride, static_cast<size_t>(args.k - j), *quad, s);

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
  Negatives negatives;
  for (int64_t begin = 0; begin < args.m; begin += block) {
    const int64_t end = args.m - begin < block ? args.m : begin + block;
    for (int64_t first = 0; first < args.n; first += kColumns) {
      const std::byte* panel = args.b + first / kColumns * panel_bytes;
      int64_t row = begin;
      if (end - begin >= kRowsWorthFlipping && Kernel::sum_negatives(panel, args.k, negatives)) {
        for (; row + 4 <= end; row += 4) Kernel::template tile<4, Signs::Flipped>(args, row, panel, &negatives, first);
      }
      for (; row + 4 <= end; row += 4) Kernel::template tile<4, Signs::Moved>(args, row, panel, nullptr, first);
      switch (end - row) {
        case 3:
          Kernel::template tile<3, Signs::Moved>(args, row, panel, nullptr, first);
          break;
        case 2:
          Kernel::template tile<2, Signs::Moved>(args, row, panel, nullptr, first);
          break;
        case 1:
          Kernel::template tile<1, Signs::Moved>(args, row, panel, nullptr, first);
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
