// SPDX-License-Identifier: Apache-2.0
// Whole numbers in units: how many units hold them, and the next multiple of one.
#pragma once

#include <concepts>

namespace slm {

/// ⌈n / unit⌉ for n ≥ 0, unit ≥ 1.
template <std::integral T>
constexpr T ceil_div(T n, T unit) {
  return (n + unit - 1) / unit;
}

/// The least multiple of unit that is at least n ≥ 0.
template <std::integral T>
constexpr T round_up(T n, T unit) {
  return ceil_div(n, unit) * unit;
}

}  // namespace slm
