// SPDX-License-Identifier: Apache-2.0
// FolderLock: a folder that one process at a time writes to. Two runs in one folder would take each other's files away.
// In: a folder.  Out: the right to it, as long as the object lives.
#pragma once

#include <filesystem>
#include <utility>

namespace slm {

class FolderLock {
 public:
  /// Takes hold of `folder` through a file in it, `.lock`, which stays there; the hold ends with the object or the
  /// process, however it ends. Throws IoError where the folder cannot be written to or another FolderLock holds it, in
  /// this process or another. File systems that know no locks are not guarded.
  explicit FolderLock(const std::filesystem::path& folder);
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

 private:
  int fd_;
};

}  // namespace slm
