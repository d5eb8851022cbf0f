// SPDX-License-Identifier: Apache-2.0
// TemporaryFolder: a new empty folder that is removed, with what is in it, at the end of the test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace slm {

class TemporaryFolder {
 public:
  /// Its name begins with "slm-" and this word.
  explicit TemporaryFolder(std::string_view word = "test",
                           const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / ("slm-" + std::string(word) + "-XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) throw std::filesystem::filesystem_error("mkdtemp", name, {});
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Writes a file of the folder, plainly, and gives its path.
  std::filesystem::path file(std::string_view name, std::string_view content) const {
    std::filesystem::remove(path_ / name);  // some file systems wait for the disk where a file is overwritten
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  size_t entries() const {
    const std::filesystem::directory_iterator all(path_);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }

 private:
  std::filesystem::path path_;
};

/// Where thousands of small files cost no disk time, if there is such a place.
inline std::filesystem::path memory_backed_folder() {
  return std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
}

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace slm
