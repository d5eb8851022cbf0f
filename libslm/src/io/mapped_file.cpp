// SPDX-License-Identifier: Apache-2.0
#include "slm/io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "io/descriptor.h"
#include "slm/core/check.h"
#include "slm/core/division.h"

namespace slm {

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  std::shared_ptr<MappedFile> file(new MappedFile(path.string(), {}));
  const std::string message = "[open] " + file->path_;
  // O_NONBLOCK: opening a named pipe that nobody writes would wait for ever; regular files ignore it.
  const Descriptor fd(::open(file->path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) throw IoError(message, errno);
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) throw IoError(message, errno);
  if (S_ISDIR(status.st_mode)) throw IoError(message, EISDIR);
  if (!S_ISREG(status.st_mode)) throw IoError(message + ": not a regular file", ENODEV);
  if (status.st_size == 0) throw FormatError(file->path_, "the file is empty");
  const size_t size = static_cast<size_t>(status.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) throw IoError(message, errno);
  file->bytes_ = {static_cast<const std::byte*>(data), size};
  return file;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::release(const std::byte* data, size_t size) const {
  const uintptr_t first = reinterpret_cast<uintptr_t>(bytes_.data());
  const uintptr_t begin = reinterpret_cast<uintptr_t>(data);
  SLM_CHECK(begin >= first && begin - first <= bytes_.size() && size <= bytes_.size() - (begin - first),
            "[release] {}: {} bytes do not lie in the mapping of {} bytes", path_, size, bytes_.size());
  const uintptr_t page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t low = round_up(begin, page);
  // The page behind the last byte of the file holds nothing else: it goes with that byte.
  const bool at_end = begin + size == first + bytes_.size();
  const uintptr_t high = (begin + size + (at_end ? page - 1 : 0)) / page * page;
  if (low >= high) return;
  if (::madvise(reinterpret_cast<void*>(low), high - low, MADV_DONTNEED) != 0)
    throw IoError("[release] " + path_, errno);
}

}  // namespace slm
