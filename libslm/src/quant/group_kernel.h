// SPDX-License-Identifier: Apache-2.0
// Schemes in groups of 32 through the kernel of their grid's pattern: Q4_0, Q4_1, Q8_0 and those with fewer codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>

#include "slm/kernels/fake_quant/fake_quant.h"
#include "slm/quant/scheme.h"

namespace slm {

inline bool has_group_kernel(const WeightSchemeInfo& s) {
  return s.grid && s.group == 32 && s.grid->kind != GridKind::IntegerZero;
}

/// That of the scheme's pattern.
template <class Kernel>
Kernel by_pattern(const WeightSchemeInfo& s, Kernel q4_0, Kernel q4_1, Kernel q8_0) {
  return s.grid->kind == GridKind::FloatMinimum ? q4_1 : s.grid->range == Range::SignedMax ? q4_0 : q8_0;
}

/// values → out. False where no kernel has this scheme, or the kernel refuses a value: out is then of no use.
inline bool groups_by_kernel(const kernels::FakeQuantVariant& kernels, const WeightSchemeInfo& s,
                             std::span<const float> values, std::span<float> out) {
  return has_group_kernel(s) && by_pattern(s, kernels.q4_0, kernels.q4_1, kernels.q8_0)(
                                    values.data(), std::ssize(values), s.grid->qmax, out.data());
}

/// values → the row as stored. False as above.
inline bool encode_groups_by_kernel(const kernels::FakeQuantVariant& kernels, const WeightSchemeInfo& s,
                                    std::span<const float> values, std::span<std::byte> row) {
  return has_group_kernel(s) &&
         by_pattern(s, kernels.encode_q4_0, kernels.encode_q4_1, kernels.encode_q8_0)(
             values.data(), std::ssize(values), s.grid->qmax, reinterpret_cast<uint8_t*>(row.data()));
}

/// encode_row of quant/rows.h with kernels chosen before, for those who encode row after row.
void encode_row(const kernels::FakeQuantVariant& kernels, WeightScheme scheme, std::span<const float> values,
                std::span<std::byte> row, float* row_scale, const std::optional<GridParams>& known);

}  // namespace slm
