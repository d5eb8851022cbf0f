// SPDX-License-Identifier: Apache-2.0
// Program: what every program in examples/ has in common: --threads --seed --json --version, and how it ends
// (exit_code.h). Results go to stdout, all else to stderr.
// In: argc, argv.  Out: an exit code.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cli/exit_code.h"

namespace CLI {
class App;
}

namespace slm {

/// A JSON document that keeps the order in which its keys were written.
using JsonDocument = nlohmann::ordered_json;

class Program {
 public:
  /// `teaches` is the text of --help above the usage, `examples` the command lines (and more) below the options.
  Program(const std::string& name, const std::string& teaches, const std::string& examples);

  ~Program();

  CLI::App& options() { return *app_; }
  uint64_t seed() const { return seed_; }
  bool json() const { return json_; }
  int threads() const;  ///< that parallel regions use
  /// Seconds since the process was started, loading of the program included; the system counts in steps of 10 ms.
  double elapsed_seconds() const;

  /// Parses, sets the threads, checks the environment, runs the body; ends as exit_code_of.
  int run(int argc, char** argv, const std::function<void()>& body);

 private:
  void add_common_options();
  /// Whether there is a body to run: --help and --version are all there is to do. Throws UsageError.
  bool parse(int argc, char** argv);

  std::unique_ptr<CLI::App> app_;
  int threads_ = 0;
  uint64_t seed_ = 0;
  bool json_ = false;
  double age_at_begin_;
  std::chrono::steady_clock::time_point begin_;
};

/// Writes to stdout at once, for text that streams. Throws IoError.
void write_now(std::string_view text);
/// A number, or null where it is not known.
JsonDocument or_null(std::optional<double> value);
/// Prints one document and a line end on stdout. Bytes that are not UTF-8 become U+FFFD; NaN and infinity become null.
/// Throws IoError.
void print_json(const JsonDocument& document);

}  // namespace slm
