// SPDX-License-Identifier: Apache-2.0
// Packed GEMM: C = A·Bᵀ + bias with B packed once into panels. One contract for all weight storages, a family each:
//   gemm_f32   f32, bf16, f16 weights × f32 activations
//   gemm_q8    w8c × a8t, w8g32 × a8g32
//   gemm_q4    w4g32, w4g32a × a8g32
//   gemm_bf16  f32 × f32, multiplied as bfloat16: panels, order and accuracy of its own (kernels/gemm_bf16)
// This file is plain data: ISA translation units include nothing else of the project.
//
//   B (n,k) rows = output columns. A panel holds `panel_columns` consecutive rows of B, as its variant likes them;
//   panels follow one another:   [panel 0: rows 0…P-1][panel 1: rows P…2P-1]…   the last one is padded with zeros.
//
// One accumulation order for all variants of the first three, so that all give the same bits, for every m and every
// split into calls:
//   f32 bf16 f16   acc = 0 (or c: accumulate); for j = 0…k-1: acc = fma(a[j], b[j], acc);  c = acc + bias
//   w8g32 w4g32    for each group g of 32: s = Σ code_a·code_b (int32, exact), acc = fma(float(s)·d_b[g], d_a[g], acc);
//                  c = acc + (bias or 0, never −0)
//   w4g32a         the same with code_b in 0…15, then acc = fma(float(Σ code_a)·m_b[g], d_a[g], acc) in each group
//   w8c            s over all k (int32, exact for k ≤ 131,072);  c = fma(float(s), d_a·d_b, bias or 0)
// On the way zeros of the grouped ones may have other signs in other variants, where a sum s or a scale is 0; what is
// added last makes them +0.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slm::kernels {

enum class Isa;

/// Weight storage of a packed matrix: what a row of B is made of.
enum class GemmStorage {
  F32,   ///< k floats
  BF16,  ///< k bfloat16
  F16,   ///< k halfs
  Q8C,   ///< k int8 codes in [-128,127]; one float scale per row, passed beside
  Q8_0,  ///< k/32 GGUF Q8_0 blocks (f16 d, 32 int8)
  Q4_0,  ///< k/32 GGUF Q4_0 blocks (f16 d, 16 bytes: byte j = element j low nibble, j+16 high; value d·(nibble−8))
  Q4_1,  ///< k/32 GGUF Q4_1 blocks (f16 d, f16 m, 16 bytes; value d·nibble + m)
};

/// Longest row whose w8c sum certainly fits int32: 131,072 · 127 · 128 < 2³¹.
inline constexpr int64_t kMaxQ8cDepth = 131072;

/// GemmArgs::a_offsets are Σ code_a times this (of a8g32: beyond kGroupOffset): where the sums of dpbusd (VNNI) begin,
/// which multiplies code_b + 128. Of the longest row of w8c 131,072 · 127 · 128 at most, which is below 2³¹.
inline constexpr int32_t kOffsetPerCode = -128;

/// Where the offsets of a8g32 begin: the bits of the float 1.5·2²³. An integer below 2²² added to the bits of that
/// float is added to its value, so the sum of a group that begins at its offset is a float already: kGroupZero + s.
inline constexpr int32_t kGroupOffset = 0x4B400000;
inline constexpr float kGroupZero = 12582912.0f;
static_assert(__builtin_bit_cast(int32_t, kGroupZero) == kGroupOffset);

/// The offset of a group, of its Σ code_a; and back.
[[gnu::always_inline]] inline constexpr int32_t group_offset(int32_t sum) {
  return kGroupOffset + kOffsetPerCode * sum;
}
[[gnu::always_inline]] inline constexpr int32_t sum_of_codes(int32_t offset) {
  static_assert(kOffsetPerCode == -(1 << 7));
  return (kGroupOffset - offset) >> 7;
}

/// No variant's panels have more columns.
inline constexpr int64_t kMaxPanelColumns = 64;

/// Rows of B in, one panel out.
struct PackArgs {
  const std::byte* const* rows;       ///< `count` pointers to rows in the storage's own format; any alignment
  const float* row_scales = nullptr;  ///< Q8C: `count` scales; otherwise unused
  int64_t count;                      ///< 1 … panel_columns; missing rows become zeros
  int64_t k;
  std::byte* panel;  ///< panel_bytes(k), 64-byte aligned
};

/// The inverse, for rows [row_begin, row_end) of a panel: bit for bit what was packed.
struct UnpackArgs {
  const std::byte* panel;
  int64_t k;
  int64_t row_begin, row_end;
  std::byte* const* rows;       ///< row_end − row_begin destinations
  float* row_scales = nullptr;  ///< Q8C
};

struct GemmArgs {
  const void* a;     ///< (m,k): float for the float storages, int8 codes in [-127,127] for the quantized ones
  int64_t a_stride;  ///< elements between rows of a
  const float* a_scales = nullptr;  ///< a8g32: (m, k/32) contiguous; a8t: (m)
  /// kOffsetPerCode · Σ of the codes: a8g32 (m, k/32), of each 32, plus kGroupOffset; a8t (m), of the row.
  const int32_t* a_offsets = nullptr;
  const std::byte* b;           ///< packed panels, from the panel of the first column on
  const float* bias = nullptr;  ///< (n) or null
  float* c;                     ///< (m, n)
  int64_t c_stride;             ///< elements between rows of c
  int64_t m, n, k;  ///< any m, n ≥ 1; k ≥ 1, a multiple of 32 for the g32 storages. Only columns < n of c are written
  bool accumulate = false;  ///< float storages: acc starts from c instead of 0 (gemm_bf16: is added to c)
};

/// Columns of B in, some rows of one panel of float weights out: for B given the other way round, row j of `source`
/// holding element j of `count` consecutive output columns. The caller covers all of k, in as many parts as it likes
/// that begin at even depths (gemm_bf16 keeps pairs).
struct PackColumnsArgs {
  const float* source;
  int64_t stride;       ///< floats between rows of source
  int64_t count;        ///< 1 … panel_columns; missing columns become zeros
  int64_t begin, rows;  ///< the part: depths [begin, begin + rows)
  std::byte* panel;
};

/// One row of a family's table: everything the caller needs to know about a variant.
struct GemmVariant {
  Isa isa;
  GemmStorage storage;
  const char* name;  ///< "q4_0_4x16_avx2": rows of a tile × columns of a panel
  int panel_columns;
  size_t (*panel_bytes)(int64_t k);  ///< a multiple of 64
  void (*pack)(const PackArgs&);
  void (*unpack)(const UnpackArgs&);             ///< null where packing rounds
  void (*gemm)(const GemmArgs&);                 ///< serial; cuts its own blocks for the caches
  void (*pack_columns)(const PackColumnsArgs&);  ///< GemmStorage::F32 only, else null
};

}  // namespace slm::kernels
