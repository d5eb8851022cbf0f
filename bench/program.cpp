// SPDX-License-Identifier: Apache-2.0
#include "bench/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <new>
#include <string_view>

#include "slm/core/parallel.h"
#include "slm/kernels/isa.h"

namespace slm {
namespace {

void print_help(const std::string& name, const BenchHelp& help) {
  fmt::print("{}\n\n", help.teaches);
  if (help.print_flags != nullptr)
    help.print_flags();
  else
    fmt::print("Usage: {}\n", name);
  std::string isas;
  for (const kernels::Isa isa : kernels::known_isas()) isas += " " + std::string(kernels::name(isa));
  fmt::print(
      "\nEnvironment:\n  SLM_ISA          instructions at most:{} (default: all)\n"
      "  OMP_NUM_THREADS  threads, 1 to {} (default: all processors)\n"
      "Exit codes: 0 done, 1 error, 2 wrong usage.\n",
      isas, kMostThreads);
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
  const auto end = [](int exit_code, std::string_view message) {
    fmt::print(stderr, "error: {}\n", message);
    return exit_code;
  };
  try {
    if (std::any_of(argv + 1, argv + argc, asks_for_help)) {
      print_help(name, help);
    } else {
      num_threads();  // an unusable OMP_NUM_THREADS or SLM_ISA is an error, never ignored
      kernels::forced_isa();
      body();
    }
    flush_stdout();
    return 0;
  } catch (const UsageError& error) {
    return end(2, fmt::format("[usage] {} (see {} --help)", error.what(), name));
  } catch (const std::bad_alloc&) {
    return end(1, "[memory] the system has not enough memory for what is measured with so many threads");
  } catch (const std::exception& error) {
    return end(1, error.what());
  }
}

void refuse_arguments(int argc, char** argv) {
  if (argc > 1) throw UsageError(fmt::format("unexpected argument '{}'", argv[1]));
}

}  // namespace slm
