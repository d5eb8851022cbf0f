// SPDX-License-Identifier: Apache-2.0
// Standard errors as programs show them: of fewer than two numbers none is known, and none is shown.
#pragma once

#include <optional>
#include <string>

#include "cli/program.h"

namespace slm {

/// "1.5 ± 0.1", "1.5".
std::string with_error(double value, std::optional<double> error, int digits);
/// In a column of its own: "± 0.1", "–".
std::string plus_minus(std::optional<double> error, int digits);
/// In JSON: a number, null.
JsonDocument or_null(std::optional<double> error);

}  // namespace slm
