// SPDX-License-Identifier: Apache-2.0
#include "bench/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string_view>

#include "cli/exit_code.h"
#include "slm/core/parallel.h"
#include "slm/ops/environment.h"

namespace slm {
namespace {

void print_help(const std::string& name, const BenchHelp& help) {
  fmt::print("{}\n\n", help.teaches);
  if (help.print_flags != nullptr)
    help.print_flags();
  else
    fmt::print("Usage: {}\n", name);
  fmt::print("\n{}\n", environment_help(fmt::format("threads, 1 to {} (default: all processors)", kMostThreads)));
}

/// Google Benchmark writes to std::cout and looks no further.
void flush_stdout() {
  errno = 0;
  const bool written = std::cout.flush() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!written) throw IoError("[output] cannot write to stdout", errno != 0 ? errno : EIO);
}

}  // namespace

int run_bench(int argc, char** argv, const BenchHelp& help, const std::function<void()>& body) {
  const std::string name = std::filesystem::path(argv[0]).filename();
  const auto asks_for_help = [](std::string_view word) { return word == "--help" || word == "-h"; };
  const auto all = [&] {
    if (std::any_of(argv + 1, argv + argc, asks_for_help)) {
      print_help(name, help);
    } else {
      check_environment();
      try {
        body();
      } catch (const UsageError& error) {
        throw wrong_arguments(name, error.what());
      }
    }
    flush_stdout();
  };
  return exit_code_of(all, "what is measured with so many threads");
}

void refuse_arguments(int argc, char** argv) {
  if (argc > 1) throw UsageError(fmt::format("unexpected argument '{}'", argv[1]));
}

}  // namespace slm
