// SPDX-License-Identifier: Apache-2.0
#include "cli/program.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <limits>
#include <new>
#include <sstream>

#include "cli/help.h"
#include "cli/option_values.h"
#include "cli/terminal.h"
#include "slm/core/parallel.h"
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

/// Seconds this process has lived: /proc/self/stat counts its start in clock ticks since boot (man 5 proc, field 22).
/// 0 where the system does not tell.
double process_age() {
  std::ifstream file("/proc/self/stat");
  std::string stat;
  std::getline(file, stat);
  const size_t name_end = stat.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  double ticks = 0;
  timespec now{};
  if (!(fields >> ticks) || clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  const double seconds = static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  return std::max(0.0, seconds - ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

}  // namespace

Program::Program(const std::string& name, const std::string& teaches, const std::string& examples)
    : app_(std::make_unique<CLI::App>(teaches, name)),
      age_at_begin_(process_age()),
      begin_(std::chrono::steady_clock::now()) {
  app_->formatter(std::make_shared<HelpPage>());
  std::string isas;
  for (const kernels::Isa isa : kernels::known_isas()) isas += " " + std::string(kernels::name(isa));
  app_->footer(examples + "\n\nEnvironment:\n  SLM_ISA          instructions at most:" + isas +
               " (default: all)\n  OMP_NUM_THREADS  threads where --threads is not given\n"
               "Exit codes: 0 done, 1 error, 2 wrong usage, 128 + n: signal n asked it to end.");
}

/// Last, so that they come last in --help.
void Program::add_common_options() {
  const std::string group = "Every program";
  add_number(*app_, "--threads", threads_, "Threads to compute with (default: OMP_NUM_THREADS, else all processors)",
             WholeRange{1, kMostThreads})
      ->default_str("")
      ->group(group);
  add_number(*app_, "--seed", seed_, "Seed of everything random; the same seed gives the same result",
             WholeRange{0, std::numeric_limits<uint64_t>::max()})
      ->group(group);
  app_->add_flag("--json", json_, "Print one JSON document on stdout instead")->group(group);
  app_->set_help_flag("-h,--help", "Print this page")->group(group);
  app_->set_version_flag("--version", fmt::format("{} of libslm {}", app_->get_name(), SLM_VERSION),
                         "Print the version")
      ->group(group);
}

Program::~Program() = default;

int Program::threads() const { return num_threads(); }

double Program::elapsed_seconds() const {
  return age_at_begin_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

bool Program::parse(int argc, char** argv) try {
  add_common_options();
  app_->parse(argc, argv);
  return true;
} catch (const CLI::Success& asked) {
  std::ostringstream page;
  app_->exit(asked, page);
  write_now(page.str());
  return false;
}

int Program::run(int argc, char** argv, const std::function<void()>& body) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond its limit is an error of the write, as a full disk is
  try {
    if (!parse(argc, argv)) return 0;
    if (threads_ > 0) set_num_threads(threads_);
    num_threads();  // an unusable OMP_NUM_THREADS or SLM_ISA is an error in every program, never ignored
    kernels::forced_isa();
    body();
    write_now("");
    return 0;
  } catch (const CLI::ParseError& error) {
    // An option that is unknown is said first: it may be the one that is missing, misspelt.
    const bool unknown = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && app_->remaining_size() > 0;
    const std::string what = unknown ? CLI::ExtrasError(app_->remaining()).what() : error.what();
    print_error(fmt::format("[usage] {} (see {} --help)", what, app_->get_name()));
    return 2;
  } catch (const UsageError& error) {
    print_error(error.what());
    return 2;
  } catch (const Interrupted& interrupted) {
    print_last(interrupted.what());
    return interrupted.exit_code();
  } catch (const std::bad_alloc&) {
    print_error("[memory] the system has not enough memory for this model and these options");
  } catch (const std::exception& error) {
    print_error(error.what());
  } catch (...) {
    print_error("[program] an unknown exception");
  }
  return 1;
}

void write_now(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw IoError("[output] cannot write to stdout", errno);
}

JsonDocument or_null(std::optional<double> value) { return value ? JsonDocument(*value) : JsonDocument(); }

void print_json(const JsonDocument& document) {
  write_now(document.dump(1, ' ', false, JsonDocument::error_handler_t::replace) + "\n");
}

}  // namespace slm
