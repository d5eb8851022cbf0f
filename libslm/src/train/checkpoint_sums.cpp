// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint_sums.h"

#include <fmt/format.h>

#include <map>
#include <sstream>

#include "io/path_exists.h"
#include "slm/core/error.h"
#include "slm/io/json.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr size_t kDigits = 64, kName = kDigits + 2;  // two spaces between

/// Digests by name.
std::map<std::string, std::string> read_sums(const fs::path& file) {
  if (!path_exists(file))
    throw FormatError(file.string(),
                      "[checkpoint] missing; where the files beside it are known to be as they were written, make it: "
                      "sha256sum *.safetensors *.json > sha256sums");
  std::map<std::string, std::string> sums;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);)
    if (line.size() > kName && line.substr(kDigits, 2) == "  ") sums[line.substr(kName)] = line.substr(0, kDigits);
  return sums;
}

}  // namespace

std::string sum_line(const Sha256& hash, std::string_view name) { return fmt::format("{}  {}\n", hash.hex(), name); }

void check_sums(const fs::path& folder, std::span<const char* const> names, const Progress& progress) {
  const fs::path file = folder / kCheckpointSums;
  const std::map<std::string, std::string> sums = read_sums(file);
  for (const char* name : names) {
    const auto expected = sums.find(name);
    if (expected == sums.end())
      throw FormatError(file.string(),
                        fmt::format("[checkpoint] damaged: no line of 64 digits, two spaces and {}", name));
    Sha256 hash;
    hash.update(*MappedFile::open(folder / name), progress);
    if (hash.hex() != expected->second)
      throw FormatError((folder / name).string(), fmt::format("[checkpoint] damaged: its SHA-256 is {}, {} says {}",
                                                              hash.hex(), kCheckpointSums, expected->second));
  }
}

}  // namespace slm
