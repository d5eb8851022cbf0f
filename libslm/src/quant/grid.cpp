// SPDX-License-Identifier: Apache-2.0
// find_params: the range of a group and the parameters it asks for. Ranges are found on the bits of the floats, as
// integers: that order is total, finds what is not finite on the way, and vectorises without -ffast-math.
#include "slm/quant/grid.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "slm/core/dtype.h"
#include "slm/core/finite.h"

namespace slm {
namespace {

constexpr int32_t kMagnitude = 0x7fffffff;
constexpr int32_t kInfinity = 0x7f800000;

void check_group(std::span<const float> group, int32_t largest_magnitude) {
  SLM_CHECK(!group.empty(), "[grid] group of 0 values");
  if (largest_magnitude < kInfinity) [[likely]]
    return;
  const auto bad = std::find_if(group.begin(), group.end(), [](float x) { return !std::isfinite(x); });
  SLM_CHECK_FINITE(*bad, "[grid] value {} of the group is {}, expected a finite one", bad - group.begin(), *bad);
}

int32_t largest_magnitude(std::span<const float> group) {
  int32_t largest = 0;
  for (const float x : group) largest = std::max(largest, std::bit_cast<int32_t>(x) & kMagnitude);
  check_group(group, largest);
  return largest;
}

float abs_max(std::span<const float> group) { return std::bit_cast<float>(largest_magnitude(group)); }

/// The value of largest magnitude, the first of equals.
float signed_max(std::span<const float> group) {
  const int32_t largest = largest_magnitude(group);
  int32_t positive = 0, negative = 0;
  for (const float x : group) {
    const int32_t bits = std::bit_cast<int32_t>(x);
    positive |= bits == largest ? 1 : 0;
    negative |= (bits ^ largest) == std::numeric_limits<int32_t>::min() ? 1 : 0;
  }
  if ((positive & negative) != 0)
    return *std::find_if(group.begin(), group.end(),
                         [&](float x) { return (std::bit_cast<int32_t>(x) & kMagnitude) == largest; });
  const float magnitude = std::bit_cast<float>(largest);
  return negative != 0 ? -magnitude : magnitude;
}

float finite_or_zero(float x) { return std::isfinite(x) ? x : 0.0f; }

float inverse_of(float scale) { return scale == 0.0f ? 0.0f : finite_or_zero(1.0f / scale); }

/// What is read back after storing. Throws where it overflows.
float stored(const Grid& grid, const char* what, float value) {
  const float result = grid.storage == ParamStorage::F16 ? f16_to_f32(f32_to_f16(value)) : value;
  SLM_CHECK_FINITE(result, "[grid] {} {} overflows {}", what, value,
                   grid.storage == ParamStorage::F16 ? "a half (largest 65504)" : "float32");
  return result;
}

GridParams params_of(const Grid& grid, float scale) {
  return {.scale = stored(grid, "scale", scale), .inverse = inverse_of(scale)};
}

}  // namespace

Grid with_bits(Grid rule, int bits) {
  SLM_CHECK(bits >= 2 && bits <= 8, "[grid] {} bits, expected 2 to 8", bits);
  const int32_t half = int32_t{1} << (bits - 1);
  const bool from_zero = rule.kind == GridKind::FloatMinimum,
             even = rule.kind == GridKind::Symmetric && rule.range == Range::AbsMax;  // as many codes below 0 as above
  rule.qmin = from_zero ? 0 : even ? 1 - half : -half;
  rule.qmax = from_zero ? 2 * half - 1 : half - 1;
  return rule;
}
Grid symmetric_grid(int bits, ParamStorage storage) { return with_bits({.storage = storage}, bits); }
Grid integer_zero_grid(int bits, ParamStorage storage) {
  return with_bits({.kind = GridKind::IntegerZero, .range = Range::MinMax, .storage = storage}, bits);
}

MinMax min_max(std::span<const float> group) {
  // Bits of a float as an integer of the same order: the magnitude bits of negative ones are turned over.
  const auto ordered = [](int32_t bits) { return bits ^ ((bits >> 31) & kMagnitude); };
  int32_t low = std::numeric_limits<int32_t>::max(), high = std::numeric_limits<int32_t>::min();
  for (const float x : group) {
    const int32_t key = ordered(std::bit_cast<int32_t>(x));
    low = std::min(low, key);
    high = std::max(high, key);
  }
  const int32_t low_bits = ordered(low), high_bits = ordered(high);
  check_group(group, std::max(low_bits & kMagnitude, high_bits & kMagnitude));
  return {std::bit_cast<float>(low_bits), std::bit_cast<float>(high_bits)};
}

GridParams find_params(const Grid& grid, std::span<const float> group) {
  const float steps = static_cast<float>(grid.qmax - grid.qmin);
  switch (grid.kind) {
    case GridKind::Symmetric: {
      if (grid.range == Range::SignedMax) return params_of(grid, signed_max(group) / static_cast<float>(grid.qmin));
      SLM_CHECK(grid.range == Range::AbsMax, "[grid] a symmetric grid has no min-max range");
      const float largest = abs_max(group);
      GridParams params = params_of(grid, largest / static_cast<float>(grid.qmax));
      if (grid.inverse == Inverse::FromAbsMax)
        params.inverse = largest == 0.0f ? 0.0f : finite_or_zero(static_cast<float>(grid.qmax) / largest);
      return params;
    }
    case GridKind::IntegerZero: {
      const MinMax range = min_max(group);
      const float min = std::min(range.min, 0.0f), max = std::max(range.max, 0.0f);
      GridParams params = params_of(grid, (max - min) / steps);
      // The zero point is rounded, so 0 is on the grid and the range moves by less than a step (Jacob et al. 2017, §3).
      params.zero = clamp_code(grid, grid.qmin - detail::round_quotient(Rounding::HalfToEven, 0, min * params.inverse));
      return params;
    }
    case GridKind::FloatMinimum: {
      const MinMax range = min_max(group);
      GridParams params = params_of(grid, (range.max - range.min) / steps);
      params.minimum = stored(grid, "minimum", range.min);
      params.encode_minimum = range.min;
      return params;
    }
  }
  SLM_CHECK(false, "[grid] unknown kind {}", static_cast<int>(grid.kind));
}

GridParams given_params(const Grid& grid, float scale, float minimum, int32_t zero) {
  const float kept = stored(grid, "scale", scale);
  GridParams params = {.scale = kept, .inverse = inverse_of(kept)};
  if (grid.kind == GridKind::FloatMinimum) params.minimum = params.encode_minimum = stored(grid, "minimum", minimum);
  if (grid.kind == GridKind::IntegerZero) {
    SLM_CHECK(in_range(grid, zero), "[grid] zero point {}, expected {} to {}", zero, grid.qmin, grid.qmax);
    params.zero = zero;
  }
  return params;
}

}  // namespace slm
