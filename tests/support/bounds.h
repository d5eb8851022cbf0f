// SPDX-License-Identifier: Apache-2.0
// Error bounds for floating-point kernels against a float64 reference. Integers and packed bits are compared exactly,
// not here. A sum of k products rounded in float drifts like a random walk: |error| ≤ c·√k·ε·Σ|a||b| with c = 4 holds
// with large margin on random data (the certain bound has k in place of √k: Higham 2002, §3.1);
// one wrong weight is far outside of it.
#pragma once

#include <cmath>
#include <cstdint>

namespace slm::bounds {

/// Unit roundoff of float: 2⁻²⁴.
inline constexpr double kUnit = 0x1p-24;

/// A dot product of length k whose products' magnitudes sum to `magnitudes`;
/// `extra` roundings of the result's size follow.
inline double dot(int64_t k, double magnitudes, int extra = 1) {
  return (4.0 * std::sqrt(static_cast<double>(k)) + extra) * kUnit * magnitudes + 1e-44;
}

/// `roundings` successive float operations on a value; the last may give a subnormal.
inline double relative(double value, double roundings) { return roundings * kUnit * std::fabs(value) + 0x1p-149; }

}  // namespace slm::bounds
