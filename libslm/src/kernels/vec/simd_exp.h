// SPDX-License-Identifier: Apache-2.0
// eˣ on Simd lanes: x = n·ln 2 + r, |r| ≤ ln 2 / 2, eˣ = 2ⁿ·P(r) with the degree-5 polynomial of Cephes' expf (Moshier
// 1989). Error ≤ 2 ulp over all of float, subnormal results included; e^0 = 1 exactly, e^−∞ = 0, e^∞ = ∞, NaN stays
// NaN. Included by ISA translation units only; internal linkage.
#pragma once

namespace slm::kernels {
namespace {

template <class S>
inline typename S::V exp_lanes(typename S::V x) {
  x = S::max(S::set(-104.0f), S::min(S::set(89.0f), x));  // e^-104 rounds to 0, e^89 to infinity
  const typename S::V n = S::round(S::mul(x, S::set(1.44269504088896341f)));
  typename S::V r = S::fma(n, S::set(-0.693359375f), x);  // ln 2 = 0.693359375 − 2.12194440e-4, the first product exact
  r = S::fma(n, S::set(2.12194440e-4f), r);
  typename S::V p = S::set(1.9875691500e-4f);
  p = S::fma(p, r, S::set(1.3981999507e-3f));
  p = S::fma(p, r, S::set(8.3334519073e-3f));
  p = S::fma(p, r, S::set(4.1665795894e-2f));
  p = S::fma(p, r, S::set(1.6666665459e-1f));
  p = S::fma(p, r, S::set(5.0000001201e-1f));
  p = S::add(S::fma(p, S::mul(r, r), r), S::set(1.0f));
  return S::scale2(p, n);
}

}  // namespace
}  // namespace slm::kernels
