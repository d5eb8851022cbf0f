// SPDX-License-Identifier: Apache-2.0
// CheckpointSums: sha256sums, by which a checkpoint's files are known to be as they were written: what
// `sha256sum --check` reads.  In: digests, a folder.  Out: lines, or a FormatError.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "slm/core/progress.h"
#include "slm/io/sha256.h"

namespace slm {

constexpr const char* kCheckpointSums = "sha256sums";

/// The line of a file.
std::string sum_line(const Sha256& hash, std::string_view name);

/// Throws FormatError for the first of these files that is not as its line says, or has none. Cost: one read.
void check_sums(const std::filesystem::path& folder, std::span<const char* const> names, const Progress& progress);

}  // namespace slm
