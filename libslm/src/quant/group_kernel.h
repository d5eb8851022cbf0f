// SPDX-License-Identifier: Apache-2.0
// Schemes in groups of 32 through the kernel of their grid's pattern: Q4_0, Q4_1, Q8_0 and those with fewer codes.
#pragma once

#include <cstdint>
#include <iterator>
#include <span>

#include "slm/kernels/fake_quant/fake_quant.h"
#include "slm/quant/scheme.h"

namespace slm {

/// values → out. False where no kernel has this scheme, or the kernel refuses a value: out is then of no use.
inline bool groups_by_kernel(const kernels::FakeQuantVariant& kernels, const WeightSchemeInfo& s,
                             std::span<const float> values, std::span<float> out) {
  if (!s.grid || s.group != 32 || s.grid->kind == GridKind::IntegerZero) return false;
  const auto kernel = s.grid->kind == GridKind::FloatMinimum ? kernels.q4_1
                      : s.grid->range == Range::SignedMax    ? kernels.q4_0
                                                             : kernels.q8_0;
  return kernel(values.data(), std::ssize(values), s.grid->qmax, out.data());
}

}  // namespace slm
