// SPDX-License-Identifier: Apache-2.0
// The grid of a scheme's codes.
#pragma once

#include <optional>

#include "slm/quant/grid.h"
#include "slm/quant/scheme.h"

namespace slm {

/// None for the plain types. Its groups are info(scheme).group values, of w8c whole rows.
inline std::optional<Grid> grid_of(WeightScheme scheme) {
  switch (scheme) {
    case WeightScheme::F32:
    case WeightScheme::BF16:
    case WeightScheme::F16:
      return std::nullopt;
    case WeightScheme::W8C:
      return kGridW8C;
    case WeightScheme::W8G32:
      return kGridQ8_0;
    case WeightScheme::W4G32:
      return kGridQ4_0;
    case WeightScheme::W4G32A:
      return kGridQ4_1;
    case WeightScheme::W3G32:
      return kGridW3G32;
    case WeightScheme::W2G32:
      return kGridW2G32;
  }
  return std::nullopt;
}

}  // namespace slm
