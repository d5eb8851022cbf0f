// SPDX-License-Identifier: Apache-2.0
#include "slm/core/error.h"

#include <cstring>

#include "slm/core/check.h"

namespace slm {

FormatError::FormatError(const std::string& path, const std::string& message) : Error(path + ": " + message) {}

FormatError::FormatError(const std::string& path, uint64_t byte_offset, const std::string& message)
    : Error(fmt::format("{}: byte {}: {}", path, byte_offset, message)) {}

IoError::IoError(const std::string& message, int error_number)
    : Error(message + ": " + std::strerror(error_number)), error_number_(error_number) {}

namespace detail {
void throw_argument_error(std::string message) { throw ArgumentError(std::move(message)); }
}  // namespace detail

}  // namespace slm
