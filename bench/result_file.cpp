// SPDX-License-Identifier: Apache-2.0
#include "bench/result_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "slm/core/error.h"
#include "slm/io/atomic_file.h"

namespace slm {

ResultFile::ResultFile(int argc, char** argv) {
  constexpr std::string_view kOption = "--benchmark_out=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kOption)) continue;
    path_ = argument.substr(kOption.size());
    if (path_.empty()) continue;
    const AtomicFile can_be_written(path_);
    if (memory_ < 0) memory_ = memfd_create("benchmark_out", MFD_CLOEXEC);
    if (memory_ < 0) throw IoError("[benchmark_out] memory", errno);
    argument_ = fmt::format("{}/proc/self/fd/{}", kOption, memory_);
    argv[i] = argument_.data();
  }
}

ResultFile::~ResultFile() {
  if (memory_ >= 0) close(memory_);
}

void ResultFile::write() const {
  if (memory_ < 0) return;
  AtomicFile file(path_);
  std::array<std::byte, 1 << 16> part;
  for (off_t at = 0;;) {
    const ssize_t n = pread(memory_, part.data(), part.size(), at);
    if (n < 0) throw IoError("[benchmark_out] " + path_, errno);
    if (n == 0) break;
    file.write(part.data(), static_cast<size_t>(n));
    at += n;
  }
  file.commit();
}

}  // namespace slm
