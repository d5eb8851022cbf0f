// SPDX-License-Identifier: Apache-2.0
// MappedFile: a whole file, read-only, in memory by mmap. Pages come on first touch and can be given back.
// In: a path.  Out: bytes.  Next: safetensors.h, gguf.h.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace slm {

class MappedFile {
 public:
  /// Throws IoError (no such file, a directory, no permission), FormatError (empty file).
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  /// Gives the whole pages inside [data, data+size) back to the system: they leave the resident set and are read again
  /// from the file when touched. Bytes outside the mapping are an ArgumentError.
  void release(const std::byte* data, size_t size) const;

 private:
  MappedFile(std::string path, std::span<const std::byte> bytes) : path_(std::move(path)), bytes_(bytes) {}
  std::string path_;
  std::span<const std::byte> bytes_;
};

}  // namespace slm
