// SPDX-License-Identifier: Apache-2.0
// Parameter: a trained tensor: its values, its gradient, and how the network sees it. Both live in flat arenas
// elsewhere.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "slm/core/matrix_view.h"
#include "slm/core/shape.h"
#include "slm/quant/scheme.h"

namespace slm {

struct Parameter {
  std::string name;  ///< Hugging Face's
  Shape shape;
  std::span<float> value;
  std::span<float> grad;               ///< empty: frozen, no gradient is made
  std::optional<WeightScheme> scheme;  ///< matrices: the quantizer in the loop; none: as it is
  bool frozen() const { return grad.empty(); }
  /// A matrix's gradient; no data where frozen.
  MatrixView grad_matrix() const { return {grad.data(), shape[0], shape[1], shape[1]}; }
};

}  // namespace slm
