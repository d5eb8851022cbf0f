// SPDX-License-Identifier: Apache-2.0
// Errors: what the library throws. The library never prints, exits or aborts.
// In: a message "[op] what was found, what was expected".  Out: one of these types.  Next: check.h.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace slm {

/// Base of everything libslm throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A caller's mistake: shape, dtype, option.
class ArgumentError : public Error {
 public:
  using Error::Error;
};

/// Bad content of a file. The message opens with the path and, where it is known, the byte offset.
class FormatError : public Error {
 public:
  FormatError(const std::string& path, const std::string& message);
  FormatError(const std::string& path, uint64_t byte_offset, const std::string& message);
};

/// The operating system refused. The message ends with the text of errno.
class IoError : public Error {
 public:
  IoError(const std::string& message, int error_number);
  int error_number() const { return error_number_; }

 private:
  int error_number_;
};

}  // namespace slm
