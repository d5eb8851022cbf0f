// SPDX-License-Identifier: Apache-2.0
#include "slm/io/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "io/descriptor.h"
#include "slm/core/check.h"
#include "slm/io/sha256.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBufferBytes = size_t{1} << 20;
constexpr int kNameAttempts = 1000;
constexpr int kMaxLinks = 40;  // as Linux

/// Beyond a limit on the size of files the system sends SIGXFSZ, which ends a process that does not expect it. Held
/// back while this lives, in its thread alone: the write says EFBIG instead.
class NoSizeSignal {
 public:
  NoSizeSignal() {
    sigemptyset(&xfsz_);
    sigaddset(&xfsz_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &xfsz_, &before_);
  }
  ~NoSizeSignal() {
    const timespec at_once = {};
    if (sigismember(&before_, SIGXFSZ) == 0) sigtimedwait(&xfsz_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSizeSignal(const NoSizeSignal&) = delete;
  NoSizeSignal& operator=(const NoSizeSignal&) = delete;

 private:
  sigset_t xfsz_, before_;
};

/// What stdout or stderr goes to: a new file in its place would lose what was printed there.
bool is_standard_stream(const struct stat& file) {
  struct stat stream = {};
  for (const int number : {STDOUT_FILENO, STDERR_FILENO})
    if (::fstat(number, &stream) == 0 && stream.st_dev == file.st_dev && stream.st_ino == file.st_ino) return true;
  return false;
}

/// Where a path leads to, through symbolic links, whether or not there is a file at their end. Throws IoError.
fs::path follow_links(fs::path path, const std::string& message) {
  for (int links = 0; links <= kMaxLinks; ++links) {
    struct stat status = {};
    if (::lstat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) return path;
      throw IoError(message, errno);
    }
    if (!S_ISLNK(status.st_mode)) return path;
    std::error_code error;
    const fs::path target = fs::read_symlink(path, error);
    if (error) throw IoError(message, error.value());
    path = path.parent_path() / target;  // an absolute target replaces the folder
  }
  throw IoError(message, ELOOP);
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path, Sha256* hash) : path_(path.string()), hash_(hash) {
  const std::string message = "[write] " + path_;
  struct stat old = {};
  const bool exists = ::stat(path_.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) throw IoError(message, errno);
  if (exists && S_ISDIR(old.st_mode)) throw IoError(message, EISDIR);
  if (exists && !S_ISREG(old.st_mode)) throw IoError(message + ": not a regular file", ENODEV);
  if (exists && is_standard_stream(old)) throw IoError(message + ": stdout or stderr goes there", EBUSY);
  path_ = follow_links(path, message).string();
  // Not mkstemp(): that makes files only their owner can read. The process number keeps parallel runs apart.
  for (int attempt = 0; attempt < kNameAttempts && fd_ < 0; ++attempt) {
    temporary_ = fmt::format("{}.tmp-{}-{}", path_, ::getpid(), attempt);
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EEXIST) break;
  }
  if (fd_ < 0) throw IoError(message, errno);
  if (exists) static_cast<void>(::fchmod(fd_, old.st_mode & 0777));  // best effort: it may belong to another user
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (fd_ < 0) return;
  ::close(fd_);
  fd_ = -1;
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  SLM_CHECK(fd_ >= 0, "[write] {}: the file was committed, or an earlier write failed", path_);
  if (bytes.empty()) return;
  if (hash_ != nullptr) hash_->update(bytes);
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  if (bytes.size() >= kBufferBytes) {
    write_through(bytes.data(), bytes.size());
  } else {
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  position_ += bytes.size();
}

void AtomicFile::pad_to(uint64_t alignment) {
  SLM_CHECK(alignment > 0, "[write] {}: alignment 0", path_);
  constexpr std::byte kZeros[256] = {};
  uint64_t missing = (alignment - position_ % alignment) % alignment;
  while (missing > 0) {
    const size_t n = static_cast<size_t>(missing < sizeof kZeros ? missing : sizeof kZeros);
    write(kZeros, n);
    missing -= n;
  }
}

void AtomicFile::flush() {
  write_through(reinterpret_cast<const std::byte*>(buffer_.data()), buffer_.size());
  buffer_.clear();
}

void AtomicFile::write_through(const std::byte* data, size_t size) {
  const NoSizeSignal held_back;
  while (size > 0) {
    const ssize_t n = ::write(fd_, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = n < 0 ? errno : ENOSPC;
      discard();
      throw IoError(fmt::format("[write] {}: after {} bytes", path_, written_), error);
    }
    data += n;
    size -= static_cast<size_t>(n);
    written_ += static_cast<uint64_t>(n);
  }
}

void AtomicFile::fail_unless(bool good) {
  if (good) return;
  const int error = errno;
  discard();
  throw IoError("[write] " + path_, error);
}

void AtomicFile::sync() {
  SLM_CHECK(fd_ >= 0, "[write] {}: the file was committed, or an earlier write failed", path_);
  flush();
  int status = 0;
  while ((status = ::fsync(fd_)) != 0 && errno == EINTR) continue;
  fail_unless(status == 0);
}

void AtomicFile::commit() {
  sync();
  fail_unless(std::rename(temporary_.c_str(), path_.c_str()) == 0);
  const int closed = ::close(fd_);
  fd_ = -1;
  if (closed != 0 && errno != EINTR) throw IoError("[write] " + path_, errno);
  sync_folder(fs::path(path_).parent_path());
}

void sync_folder(const fs::path& folder) {
  const std::string name = folder.empty() ? "." : folder.string();
  const Descriptor fd(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) {
    if (errno == EACCES) return;  // a folder one may write to but not read
    throw IoError("[write] " + name, errno);
  }
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != EROFS) throw IoError("[write] " + name, errno);
}

void write_file(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace slm
