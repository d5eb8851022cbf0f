// SPDX-License-Identifier: Apache-2.0
#include "slm/io/free_space.h"

#include <fmt/format.h>

#include <cerrno>

#include "slm/core/error.h"

namespace slm {

namespace fs = std::filesystem;

void check_free_space(const fs::path& folder, uint64_t bytes) {
  std::error_code error;
  fs::path existing = folder;
  while (!existing.empty() && !fs::exists(existing, error)) existing = existing.parent_path();
  const fs::space_info space = fs::space(existing.empty() ? fs::path(".") : existing, error);
  if (error) throw IoError("[disk] " + folder.string(), error.value());
  if (space.available < bytes)
    throw IoError(fmt::format("[disk] {} MB more are needed, {} has {} MB free", bytes >> 20, folder.string(),
                              space.available >> 20),
                  ENOSPC);
}

}  // namespace slm
