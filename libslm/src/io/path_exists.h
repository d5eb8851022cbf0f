// SPDX-License-Identifier: Apache-2.0
// What lies at a path, links followed. std::filesystem's own questions throw its own exception where the system cannot
// tell (a name too long, links in a circle), or take that for "no".  In: a path.  Out: yes, no, or an IoError.
#pragma once

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "slm/core/error.h"

namespace slm {

/// Throws IoError where the system cannot tell: what is not there at all is an answer, not an error.
inline std::filesystem::file_status path_status(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (error && error.value() != ENOENT && error.value() != ENOTDIR)
    throw IoError("[open] " + path.string(), error.value());
  return status;
}

inline bool path_exists(const std::filesystem::path& path) { return std::filesystem::exists(path_status(path)); }
inline bool is_folder(const std::filesystem::path& path) { return std::filesystem::is_directory(path_status(path)); }

}  // namespace slm
