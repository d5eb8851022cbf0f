// SPDX-License-Identifier: Apache-2.0
#include "bench/result_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "cli/terminal.h"
#include "slm/core/error.h"
#include "slm/io/atomic_file.h"

namespace slm {
namespace {

constexpr std::string_view kOption = "--benchmark_out=";

}  // namespace

ResultFile::ResultFile(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kOption)) continue;
    path_ = argument.substr(kOption.size());  // given twice, the last one counts, which may ask for none
    if (path_.empty()) continue;
    const AtomicFile can_be_written(path_);
    if (memory_ < 0) {
      memory_ = memfd_create("benchmark_out", MFD_CLOEXEC);
      if (memory_ < 0) throw IoError("[benchmark_out] memory", errno);
      argument_ = fmt::format("{}/proc/self/fd/{}", kOption, memory_);
    }
    argv[i] = argument_.data();
  }
}

ResultFile::~ResultFile() {
  if (memory_ >= 0) close(memory_);
}

void ResultFile::write() const {
  if (path_.empty()) return;
  const std::string text = read_text(argument_.substr(kOption.size()));
  if (text.empty()) return;  // nothing was measured: listed only
  // Google Benchmark does not see that a write fails. Where there was no room for all of it, there is none for more.
  if (pwrite(memory_, "", 1, static_cast<off_t>(text.size())) != 1)
    throw IoError("[benchmark_out] " + path_ + ": no room for the results in memory", errno);
  write_file(path_, text);
}

}  // namespace slm
