// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <new>

#include "cli/terminal.h"
#include "slm/kernels/isa.h"

namespace slm {
namespace {

/// The last words of the program, whatever becomes of stdout.
void print_last(const std::string& line) {
  try {
    write_stderr(line + "\n");
  } catch (const IoError&) {
  }
}

void print_error(std::string_view message) {
  std::string line = one_line(message);
  while (!line.empty() && line.back() == ' ') line.pop_back();
  print_last("error: " + line);
}

}  // namespace

UsageError wrong_arguments(std::string_view program, std::string_view what) {
  return UsageError(fmt::format("[usage] {} (see {} --help)", what, program));
}

std::string environment_help(std::string_view threads) {
  std::string isas;
  for (const kernels::Isa isa : kernels::known_isas()) isas += " " + std::string(kernels::name(isa));
  return fmt::format(
      "Environment:\n  SLM_ISA          instructions at most:{} (default: all)\n  OMP_NUM_THREADS  {}\n"
      "Exit codes: 0 done, 1 error, 2 wrong usage, 128 + n: signal n asked it to end.",
      isas, threads);
}

namespace {

/// What is closed of stdin, stdout and stderr would be the number of the next file that is opened, and what is printed
/// would go there. In its place comes what cannot be read or written: it stays an error.
void occupy_standard_streams() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream)
    if (::fcntl(stream, F_GETFD) < 0)
      static_cast<void>(::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

}  // namespace

int exit_code_of(const std::function<void()>& body, std::string_view large) {
  occupy_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond its limit is an error of the write, as a full disk is
  try {
    body();
    return 0;
  } catch (const UsageError& error) {
    print_error(error.what());
    return 2;
  } catch (const Interrupted& interrupted) {
    print_last(interrupted.what());
    return interrupted.exit_code();
  } catch (const std::bad_alloc&) {
    print_error(fmt::format("[memory] the system has not enough memory for {}", large));
  } catch (const std::exception& error) {
    print_error(error.what());
  } catch (...) {
    print_error("[program] an unknown exception");
  }
  return 1;
}

}  // namespace slm
