// SPDX-License-Identifier: Apache-2.0
// Grids: the norm for rounding and clipping (numerics N1), in three separate steps: find_params, encode, decode. GPTQ
// and learned scales replace the first (given_params).
// A group is any run of values: a tensor, a channel, 32 weights, a token.
//
//   Symmetric      value = d·code                 Q4_0 Q8_0, w8c, activations
//   IntegerZero    value = scale·(code − zero)    Jacob et al. 2017 (arXiv:1712.05877, eq. 1): 0 is always on the grid
//   FloatMinimum   value = code·d + m             Q4_1
//
// In: one group of values.  Out: parameters and codes.  Next: gguf_blocks.h, rows.h, fake_quant.h.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "slm/core/check.h"

#ifdef __FAST_MATH__
#error "slm: quant/grid.h rounds by the order of float operations; compile what includes it without -ffast-math"
#endif

namespace slm {

enum class GridKind : uint8_t { Symmetric, IntegerZero, FloatMinimum };

/// From the quotient t (x·inverse, or (x − m)·inverse) to a whole number.
enum class Rounding : uint8_t {
  HalfToEven,        ///< rint
  HalfAwayFromZero,  ///< roundf, as Q8_0 does
  TruncateShifted,   ///< trunc(t + (½ − qmin)) + qmin in two float32 roundings, as Q4_0 (8.5) and Q4_1 (0.5) do
};

/// How find_params reads the range of a group.
enum class Range : uint8_t {
  AbsMax,     ///< d = max|x| / qmax
  SignedMax,  ///< d = x of largest |x| (first of equals) / qmin: that x is exact, d may be negative
  MinMax,     ///< IntegerZero: over min(x, 0)…max(x, 0).  FloatMinimum: m = min, d = (max − min) / (qmax − qmin)
};

/// What encode multiplies with. Never the inverse of a rounded scale.
enum class Inverse : uint8_t {
  OfScale,     ///< 1 / d, d before it is rounded to its storage
  FromAbsMax,  ///< qmax / max|x|, as llama.cpp quantizes activations
};

enum class ParamStorage : uint8_t { F32, F16 };

/// One rule. Codes lie in [qmin, qmax].
struct Grid {
  GridKind kind = GridKind::Symmetric;
  Range range = Range::AbsMax;
  Rounding rounding = Rounding::HalfToEven;
  Inverse inverse = Inverse::OfScale;
  ParamStorage storage = ParamStorage::F32;  ///< of scale and minimum: decode uses the stored ones
  int32_t qmin = -127;
  int32_t qmax = 127;
};

inline constexpr Grid kGridQ4_0 = {.range = Range::SignedMax,
                                   .rounding = Rounding::TruncateShifted,
                                   .storage = ParamStorage::F16,
                                   .qmin = -8,
                                   .qmax = 7};
inline constexpr Grid kGridQ4_1 = {.kind = GridKind::FloatMinimum,
                                   .range = Range::MinMax,
                                   .rounding = Rounding::TruncateShifted,
                                   .storage = ParamStorage::F16,
                                   .qmin = 0,
                                   .qmax = 15};
inline constexpr Grid kGridQ8_0 = {.rounding = Rounding::HalfAwayFromZero, .storage = ParamStorage::F16};
inline constexpr Grid kGridW8C = {};
inline constexpr Grid kGridA8G32 = {.inverse = Inverse::FromAbsMax, .storage = ParamStorage::F16};
inline constexpr Grid kGridA8T = {.inverse = Inverse::FromAbsMax};
/// Static inputs: the kernels take no −128 (gemm_q8.h).
inline constexpr Grid kGridA8S = {.kind = GridKind::IntegerZero, .range = Range::MinMax};

/// A grid's rule with codes of another width, 2 ≤ bits ≤ 8. Throws ArgumentError on other bits.
///   Symmetric, AbsMax                   ±(2^(bits−1) − 1)
///   Symmetric, SignedMax; IntegerZero   −2^(bits−1) … 2^(bits−1) − 1
///   FloatMinimum                        0 … 2^bits − 1
Grid with_bits(Grid rule, int bits);
/// Half to even. Throw as with_bits.
Grid symmetric_grid(int bits, ParamStorage storage = ParamStorage::F32);
Grid integer_zero_grid(int bits, ParamStorage storage = ParamStorage::F32);

/// What find_params gives. `scale`, `minimum`, `zero` decode (as stored);
/// `inverse` and `encode_minimum` encode (unrounded).
struct GridParams {
  float scale = 0.0f;
  float minimum = 0.0f;         ///< FloatMinimum
  int32_t zero = 0;             ///< IntegerZero, in [qmin, qmax]
  float inverse = 0.0f;         ///< 0 where 1/d is not finite: every code is then that of 0 (or of the minimum)
  float encode_minimum = 0.0f;  ///< FloatMinimum
  bool operator==(const GridParams&) const = default;
};

struct MinMax {
  float min, max;
};

/// Least and largest of a group; of −0 and +0, −0 is the lesser. Throws ArgumentError on an empty group, a value that
/// is not finite. Cost: one pass, vectorised.
MinMax min_max(std::span<const float> group);

/// Parameters of one group, by the grid's own range rule. A group of zeros has scale 0; a constant one is exact up to
/// the storage. Throws ArgumentError on an empty group, a value that is not finite, a scale or minimum that overflows
/// its storage. Cost: one pass, vectorised.
GridParams find_params(const Grid& grid, std::span<const float> group);

/// Parameters somebody else chose (GPTQ, a clip search, learned scales): scale and minimum are first rounded to the
/// storage, and encode divides by the stored scale. `zero` and `minimum` count only for the kinds that have them.
/// Throws ArgumentError on values that are not finite, overflow the storage, or a zero outside [qmin, qmax].
GridParams given_params(const Grid& grid, float scale, float minimum = 0.0f, int32_t zero = 0);

namespace detail {

/// t rounded. |t| is first limited to 2^22, so that the conversion is defined:
/// the code stays out of every grid's range.
[[gnu::always_inline]] inline int32_t round_quotient(Rounding rounding, int32_t qmin, float t) {
  constexpr int32_t kLimit = 0x4a800000;  // 2^22; limited as bits: an integer minimum has no branch and also takes NaN
  const int32_t bits = std::bit_cast<int32_t>(t), magnitude_bits = bits & 0x7fffffff;
  const float magnitude = std::bit_cast<float>(magnitude_bits < kLimit ? magnitude_bits : kLimit);
  t = std::bit_cast<float>(std::bit_cast<int32_t>(magnitude) | (bits & ~0x7fffffff));
  if (rounding == Rounding::HalfToEven) {
    constexpr float kOneAndAHalf = 12582912.0f;  // 1.5·2^23: the sum has no bits below 1, the FPU rounds half to even
    return static_cast<int32_t>((t + kOneAndAHalf) - kOneAndAHalf);
  }
  if (rounding == Rounding::HalfAwayFromZero) {
    const int32_t sign = bits >> 31;  // 0 or −1; no branch, so that loops vectorise
    const int32_t whole = static_cast<int32_t>(magnitude);
    const int32_t up = static_cast<int32_t>(2.0f * (magnitude - static_cast<float>(whole)));  // exact: 1 from ½ on
    return ((whole + up) ^ sign) - sign;
  }
  return static_cast<int32_t>(t + (0.5f - static_cast<float>(qmin))) + qmin;
}

}  // namespace detail

/// The code before clipping: STE passes the gradient where in_range of it (numerics N2).
[[gnu::always_inline]] inline int32_t unclamped_code(const Grid& grid, const GridParams& params, float x) {
  const float from = grid.kind == GridKind::FloatMinimum ? x - params.encode_minimum : x;
  const int32_t code = detail::round_quotient(grid.rounding, grid.qmin, from * params.inverse);
  return grid.kind == GridKind::IntegerZero ? code + params.zero : code;
}

[[gnu::always_inline]] inline bool in_range(const Grid& grid, int32_t code) {
  return (code >= grid.qmin) & (code <= grid.qmax);
}

[[gnu::always_inline]] inline int32_t clamp_code(const Grid& grid, int32_t code) {
  const int32_t low = code < grid.qmin ? grid.qmin : code;
  return low > grid.qmax ? grid.qmax : low;
}

/// The code of one value.
[[gnu::always_inline]] inline int32_t encode(const Grid& grid, const GridParams& params, float x) {
  return clamp_code(grid, unclamped_code(grid, params, x));
}

/// The value of one code. The products and sums are float32, in the order written above.
[[gnu::always_inline]] inline float decode(const Grid& grid, const GridParams& params, int32_t code) {
  if (grid.kind == GridKind::IntegerZero) return params.scale * static_cast<float>(code - params.zero);
  const float product = params.scale * static_cast<float>(code);
  return grid.kind == GridKind::FloatMinimum ? product + params.minimum : product;
}

/// A group at once; Code is an integer type wide enough for the grid. Throw ArgumentError where the sizes differ.
template <class Code>
inline void encode(const Grid& grid, const GridParams& params, std::span<const float> values, std::span<Code> codes) {
  SLM_CHECK(codes.size() == values.size(), "[grid encode] {} codes for {} values", codes.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) codes[i] = static_cast<Code>(encode(grid, params, values[i]));
}
template <class Code>
inline void decode(const Grid& grid, const GridParams& params, std::span<const Code> codes, std::span<float> values) {
  SLM_CHECK(codes.size() == values.size(), "[grid decode] {} values for {} codes", values.size(), codes.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = decode(grid, params, static_cast<int32_t>(codes[i]));
}

}  // namespace slm
