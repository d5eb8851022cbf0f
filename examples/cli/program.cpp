// SPDX-License-Identifier: Apache-2.0
#include "cli/program.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <limits>
#include <sstream>

#include "cli/help.h"
#include "cli/option_values.h"
#include "slm/core/parallel.h"
#include "slm/ops/environment.h"

namespace slm {
namespace {

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
  app_->footer(examples + "\n\n" + environment_help("threads where --threads is not given"));
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
} catch (const CLI::ParseError& error) {
  // An option that is unknown is said first: it may be the one that is missing, misspelt.
  const bool unknown = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && app_->remaining_size() > 0;
  throw wrong_arguments(app_->get_name(), unknown ? CLI::ExtrasError(app_->remaining()).what() : error.what());
}

int Program::run(int argc, char** argv, const std::function<void()>& body) {
  const auto all = [&] {
    if (!parse(argc, argv)) return;
    if (threads_ > 0) set_num_threads(threads_);
    check_environment();
    body();
    write_now("");
  };
  return exit_code_of(all, "this model and these options");
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
