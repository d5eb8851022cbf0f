// SPDX-License-Identifier: Apache-2.0
// What every bench does with its arguments, errors and output: --help, and an end as of the programs in examples/
// (cli/exit_code.h).
// In: argc, argv.  Out: an exit code.
#pragma once

#include <functional>
#include <string>

namespace slm {

/// What --help prints.
struct BenchHelp {
  std::string teaches;
  void (*print_flags)() = nullptr;  ///< prints the flags a program takes besides --help, if any
};

/// Prints the help where it is asked for, else checks the environment and runs the body. What the body throws, and a
/// stdout that cannot be written to, ends as exit_code_of; a UsageError points to --help.
int run_bench(int argc, char** argv, const BenchHelp& help, const std::function<void()>& body);

/// Throws UsageError if any argument is left.
void refuse_arguments(int argc, char** argv);

}  // namespace slm
