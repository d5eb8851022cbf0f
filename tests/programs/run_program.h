// SPDX-License-Identifier: Apache-2.0
// Runs a program of the build and keeps what it says.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/model_paths.h"
#include "tests/support/temporary_folder.h"

namespace slm::test {

struct Ran {
  int exit_code = -1;      ///< 128 + signal where one ended it
  bool by_signal = false;  ///< it ended by a signal, not by itself
  std::string out, err;
  nlohmann::json json() const { return nlohmann::json::parse(out); }
  /// The one line "error: …" without these words; "" where there is none or more than one.
  std::string error() const {
    std::istringstream lines(err);
    std::string found;
    int count = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("error: ")) found = line.substr(7), ++count;
    return count == 1 ? found : "";
  }
};

struct RunOptions {
  std::string input;  ///< stdin
  std::map<std::string, std::string> environment;
  std::string output;       ///< a path stdout goes to instead
  bool errors_too = false;  ///< stderr goes where stdout goes, as by 2>&1
  std::optional<uint64_t> file_size_limit;
  bool keep_ignored = false;  ///< signals ignored here are ignored there
};

class Process {
 public:
  /// Starts it; stdin is what `input` descriptor reads, -1: nothing.
  Process(const std::string& program, const std::vector<std::string>& arguments, const RunOptions& options,
          int input = -1) {
    std::vector<std::string> words;
    std::istringstream launcher(SLM_PROGRAM_LAUNCHER);
    for (std::string word; std::getline(launcher, word, ';');) words.push_back(word);
    words.push_back(std::string(SLM_PROGRAM_DIR) + "/" + program);
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string in = scratch_.file("in", options.input).string();
    const std::string out = options.output.empty() ? out_path() : options.output;
    pid_ = fork();
    if (pid_ != 0) return;
    alarm(300);
    if (!options.keep_ignored)
      for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGXFSZ}) signal(number, SIG_DFL);
    dup2(input >= 0 ? input : open(in.c_str(), O_RDONLY), 0);
    dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0600), 1);
    dup2(options.errors_too ? 1 : open(err_path().c_str(), O_WRONLY | O_CREAT, 0600), 2);
    if (options.file_size_limit) {
      const rlimit limit = {*options.file_size_limit, *options.file_size_limit};
      setrlimit(RLIMIT_FSIZE, &limit);
    }
    setenv("OMP_WAIT_POLICY", "passive", 0);  // several tests share the cores: waiting threads shall not burn them
    for (const auto& [key, value] : options.environment) setenv(key.c_str(), value.c_str(), 1);
    execv(argv[0], argv.data());
    _exit(127);
  }
  void interrupt(int signal_number = SIGINT) const { kill(pid_, signal_number); }
  /// Whether the program has a handler for the signal by now.
  bool catches(int signal_number) const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("SigCgt:"))
        return (std::stoull(line.substr(7), nullptr, 16) >> (signal_number - 1) & 1) != 0;
    return false;
  }
  std::string out() const { return content_of(out_path()); }  ///< so far
  std::string err() const { return content_of(err_path()); }
  /// Waits until the condition holds; false where the program ended, or a minute passed, before.
  template <class Condition>
  bool wait_until(const Condition& holds) {
    for (int i = 0; i < 6000 && !ended(); ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return holds();
  }
  bool ended() {
    if (!status_) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    }
    return status_.has_value();
  }
  Ran wait() {
    if (!status_) waitpid(pid_, &status_.emplace(), 0);
    return {WIFEXITED(*status_) ? WEXITSTATUS(*status_) : 128 + WTERMSIG(*status_), WIFSIGNALED(*status_), out(),
            err()};
  }

 private:
  std::string out_path() const { return (scratch_.path() / "out").string(); }
  std::string err_path() const { return (scratch_.path() / "err").string(); }
  TemporaryFolder scratch_{"programs"};
  pid_t pid_ = -1;
  std::optional<int> status_;
};

inline Ran run(const std::string& program, const std::vector<std::string>& arguments, const RunOptions& options = {}) {
  return Process(program, arguments, options).wait();
}

/// Runs with --json, which must succeed.
inline nlohmann::json answer(const std::string& program, const std::string& model, std::vector<std::string> words,
                             const RunOptions& options = {}) {
  words.insert(words.begin(), {"--model", model, "--json"});
  const Ran ran = run(program, words, options);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  return ran.exit_code == 0 ? ran.json() : nlohmann::json();
}

inline std::string tiny(const std::string& name) { return (tiny_models() / name).string(); }

/// What the reference made of a tiny model.
inline nlohmann::json golden(const std::string& model) {
  return nlohmann::json::parse(std::ifstream(tiny_models() / model / "golden.json"), nullptr, true);
}

inline void expect_keys(const nlohmann::json& document, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) EXPECT_TRUE(document.contains(key)) << key;
}

/// Exit code, nothing on stdout, one error line that holds `part`.
inline void expect_error(const Ran& ran, int exit_code, const std::string& part) {
  EXPECT_EQ(ran.exit_code, exit_code) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.error().find(part), std::string::npos) << "expected \"" << part << "\" in: " << ran.err;
}

}  // namespace slm::test
