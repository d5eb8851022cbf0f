// SPDX-License-Identifier: Apache-2.0
// AtomicFile: a file that appears whole or not at all: written under a temporary name beside it, fsynced, renamed.
// In: a path and bytes.  Out: the file, on commit().  Without commit() the temporary file is removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace slm {

class Sha256;

class AtomicFile {
 public:
  /// A symbolic link is followed: its target is replaced, or made where it is not there. An existing file keeps its
  /// permission bits. Throws IoError where the folder does not exist or is not writable, or where `path` is no regular
  /// file (a folder, a device: renaming over one would replace it) or the one stdout or stderr goes to.
  /// With `hash`, which then outlives this, all that is written goes into it, too.
  explicit AtomicFile(const std::filesystem::path& path, Sha256* hash = nullptr);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. Buffered. Throws IoError (disk full, a limit on the size of files …), naming the path and how much was
  /// written; the temporary file is gone then, and further writes are an ArgumentError.
  void write(std::span<const std::byte> bytes);
  void write(const void* data, size_t size) { write({static_cast<const std::byte*>(data), size}); }
  void pad_to(uint64_t alignment);  ///< appends zeros until the position is a multiple
  uint64_t position() const { return position_; }
  /// Flushes and fsyncs the temporary file: after it, little can make commit() fail. For who writes several files and
  /// wants all of them or none. Throws IoError; then nothing is left behind.
  void sync();
  /// sync(), renames, fsyncs the folder. Throws IoError; then nothing is left behind, unless it is the folder's fsync
  /// that failed: then the file is in place, whole, but a power failure may still undo the rename.
  void commit();

 private:
  void flush();
  void write_through(const std::byte* data, size_t size);
  void fail_unless(bool good);  ///< of a system call just made: discards and throws its errno
  void discard() noexcept;
  std::string path_, temporary_;
  Sha256* hash_;
  int fd_ = -1;
  uint64_t position_ = 0;  ///< bytes given to write()
  uint64_t written_ = 0;   ///< bytes given to the system
  std::string buffer_;
};

/// Makes what was renamed in `folder` durable. File systems that cannot fsync a folder say EINVAL: nothing more can be
/// done there. Throws IoError.
void sync_folder(const std::filesystem::path& folder);

/// Writes `text` to `path` atomically. Throws IoError.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace slm
