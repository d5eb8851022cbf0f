// SPDX-License-Identifier: Apache-2.0
#include "cli/standard_error.h"

#include <fmt/format.h>

namespace slm {

std::string with_error(double value, std::optional<double> error, int digits) {
  return fmt::format("{:.{}f}{}", value, digits, error ? " " + plus_minus(error, digits) : "");
}

std::string plus_minus(std::optional<double> error, int digits) {
  return error ? fmt::format("± {:.{}f}", *error, digits) : "–";
}

}  // namespace slm
