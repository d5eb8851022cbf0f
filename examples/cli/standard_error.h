// SPDX-License-Identifier: Apache-2.0
// Standard errors as programs show them: of fewer than two numbers none is known, and none is shown.
#pragma once

#include <optional>
#include <string>

namespace slm {

/// "1.5 ± 0.1", "1.5".
std::string with_error(double value, std::optional<double> error, int digits);
/// In a column of its own: "± 0.1", "–".
std::string plus_minus(std::optional<double> error, int digits);

}  // namespace slm
