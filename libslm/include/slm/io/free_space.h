// SPDX-License-Identifier: Apache-2.0
// Whether a disk has room: for who is about to write much.  In: a folder, bytes.  Out: nothing, or an IoError.
#pragma once

#include <cstdint>
#include <filesystem>

namespace slm {

/// Throws IoError that says how much is needed and how much is free, where the disk of `folder`, which need not be
/// there yet, has no room for so many bytes.
void check_free_space(const std::filesystem::path& folder, uint64_t bytes);

}  // namespace slm
