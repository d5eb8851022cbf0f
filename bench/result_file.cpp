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
    if (!argument.starts_with(kOption) || argument == kOption) continue;
    path_ = argument.substr(kOption.size());  // given twice, the last one counts
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
  if (memory_ >= 0) write_file(path_, read_text(argument_.substr(kOption.size())));
}

}  // namespace slm
