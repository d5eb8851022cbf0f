// SPDX-License-Identifier: Apache-2.0
// What every bench does with its arguments, errors and output: --help, one line `error: …` on stderr, and the exit
// codes 0 (done), 1 (error) and 2 (wrong usage), as the programs in examples/ do.
// In: argc, argv.  Out: an exit code.
#pragma once

#include <functional>
#include <string>

#include "slm/core/error.h"

namespace slm {

/// Arguments that are wrong: exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// What --help prints.
struct BenchHelp {
  std::string teaches;
  void (*print_flags)() = nullptr;  ///< prints the flags a program takes besides --help, if any
};

/// Prints the help where it is asked for, else checks SLM_ISA and the number of threads and runs the body. What the
/// body throws, and a stdout that cannot be written to, becomes one line `error: …`.
int run_bench(int argc, char** argv, const BenchHelp& help, const std::function<void()>& body);

/// Throws UsageError if any argument is left.
void refuse_arguments(int argc, char** argv);

}  // namespace slm
