// SPDX-License-Identifier: Apache-2.0
// TemporaryFolder: a new empty folder that is removed, with what is in it, at the end of the test; and files in tests.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace slm {

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "slm-io-XXXXXX").string();
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

inline std::filesystem::path golden(std::string_view name) {
  return std::filesystem::path(SLM_SOURCE_DIR) / "tests/io/golden" / name;
}

/// Byte j of tensor i in the golden files: see golden/make_golden.py.
inline std::byte golden_byte(size_t i, size_t j) { return static_cast<std::byte>((31 * i + 7 * j + 3) % 251); }

/// Expects that `statement` throws an Error of type E whose message contains every given text.
template <class E, class F>
void expect_error(F&& statement, std::initializer_list<std::string_view> texts) {
  try {
    statement();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const E& error) {
    for (std::string_view text : texts)
      EXPECT_NE(std::string_view(error.what()).find(text), std::string_view::npos)
          << "\"" << text << "\" in: " << error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another exception: " << error.what();
  }
}

}  // namespace slm
