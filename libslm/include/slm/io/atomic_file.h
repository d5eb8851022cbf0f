// SPDX-License-Identifier: Apache-2.0
// AtomicFile: a file that appears whole or not at all: written under a temporary name beside it, fsynced, renamed.
// In: a path and bytes.  Out: the file, on commit().  Without commit() the temporary file is removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace slm {

class AtomicFile {
 public:
  /// Throws IoError where the folder does not exist or is not writable.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. Buffered. Throws IoError (disk full …), naming the path and how much was written.
  void write(std::span<const std::byte> bytes);
  void write(const void* data, size_t size) { write({static_cast<const std::byte*>(data), size}); }
  void pad_to(uint64_t alignment);  ///< appends zeros until the position is a multiple
  uint64_t position() const { return position_; }
  /// Flushes, fsyncs file and folder, renames. Throws IoError; then nothing is left behind.
  void commit();

 private:
  void flush();
  std::string path_, temporary_;
  int fd_ = -1;
  uint64_t position_ = 0;
  std::string buffer_;
};

/// Writes `text` to `path` atomically. Throws IoError.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace slm
