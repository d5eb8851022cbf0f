// SPDX-License-Identifier: Apache-2.0
// How every program of the project ends, those of bench/ too: the exit codes 0 (done), 1 (error), 2 (wrong usage),
// 128 + n (signal n asked it to end), and one line `error: …` on stderr.
// In: what a program does.  Out: an exit code.  Next: program.h.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "slm/core/error.h"

namespace slm {

/// Arguments that are wrong, or each right but without sense together: exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Of arguments that could not be read: points to --help of `program`.
UsageError wrong_arguments(std::string_view program, std::string_view what);

/// The end of every --help: the environment, the exit codes. `threads`: what OMP_NUM_THREADS sets.
std::string environment_help(std::string_view threads);

/// Runs the body. What it throws becomes one line `error: …`, of Interrupted what it says. `large`: what took the
/// memory where there was not enough. A limit on the size of files makes writing fail; it does not kill. Closed
/// standard streams stay closed, but no file gets their numbers.
int exit_code_of(const std::function<void()>& body, std::string_view large);

}  // namespace slm
