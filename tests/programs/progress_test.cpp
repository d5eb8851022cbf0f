// SPDX-License-Identifier: Apache-2.0
// The progress line as a terminal shows it.
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>
#include <thread>

#include "cli/terminal.h"
#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

class Terminal {
 public:
  Terminal() {
    char name[256] = "";
    if (openpty(&master_, &slave_, name, nullptr, nullptr) == 0) name_ = name;
  }
  ~Terminal() {
    if (slave_ >= 0) close(slave_);
    if (master_ >= 0) close(master_);
  }
  const std::string& name() const { return name_; }  ///< empty where the system gives none
  int descriptor() const { return slave_; }
  /// What is shown up to `end`, at most a few lines.
  std::string read_until(const std::string& end) const {
    std::string text;
    char buffer[4096];
    while (text.find(end) == std::string::npos && text.size() < sizeof buffer) {
      const ssize_t n = read(master_, buffer, sizeof buffer);
      if (n <= 0) break;
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }

 private:
  int master_ = -1, slave_ = -1;
  std::string name_;
};

/// stderr goes to the terminal while it lives.
class OnTerminal {
 public:
  explicit OnTerminal(const Terminal& terminal) : before_(dup(STDERR_FILENO)) {
    dup2(terminal.descriptor(), STDERR_FILENO);
  }
  ~OnTerminal() {
    dup2(before_, STDERR_FILENO);
    close(before_);
  }

 private:
  const int before_;
};

/// Of "… 3 min 20 s left".
double seconds_left(const std::string& shown) {
  double seconds = 0;
  std::istringstream words(shown.substr(shown.rfind('%') + 1));
  double number = 0;
  for (std::string unit; words >> number >> unit;) seconds += number * (unit == "h" ? 3600 : unit == "min" ? 60 : 1);
  return seconds;
}

#define SLM_REQUIRE_TERMINAL(terminal) \
  if ((terminal).name().empty()) GTEST_SKIP() << "this system gives no pseudo terminal"

TEST(ProgressLine, EstimatesTheTimeLeftFromWhatWasDoneSinceItBegan) {
  const Terminal terminal;
  SLM_REQUIRE_TERMINAL(terminal);
  const OnTerminal shown_there(terminal);
  ProgressLine line("training", 900);
  std::this_thread::sleep_for(std::chrono::milliseconds(110));
  line.callback()({"on", 900, 1000});
  EXPECT_EQ(terminal.read_until("%"), "\r\033[Ktraining on  90 %") << "no pace yet";
  std::this_thread::sleep_for(std::chrono::milliseconds(110));
  line.callback()({"on", 901, 1000});
  EXPECT_GE(seconds_left(terminal.read_until("left")), 99 * 0.22 - 1);
}

TEST(ProgressLine, OfAResumedTrainingCountsItsOwnSteps) {
  const Terminal terminal;
  SLM_REQUIRE_TERMINAL(terminal);
  TemporaryFolder folder;
  const std::string out = (folder.path() / "run").string(), steps = "1000000";
  const std::vector<std::string> words = {"--mode",
                                          "fp32",
                                          "--student",
                                          tiny("qwen2_tied"),
                                          "--train",
                                          folder.file("text", std::string(2000, 'a')).string(),
                                          "--seq",
                                          "8",
                                          "--checkpoint-every",
                                          "0",
                                          "--steps",
                                          steps,
                                          "--out",
                                          out,
                                          "--resume",
                                          "--threads",
                                          "1"};
  Process first("qat_kd_train", words, {});
  ASSERT_TRUE(first.wait_until([&] { return std::ranges::count(content_of(out + "/metrics.jsonl"), '\n') > 3000; }));
  first.interrupt(SIGTERM);
  ASSERT_EQ(first.wait().exit_code, 128 + SIGTERM);
  const std::string before = content_of(out + "/metrics.jsonl");
  const auto resumed_from = std::ranges::count(before, '\n');
  Process second("qat_kd_train", words, {.output = terminal.name(), .errors_too = true});
  const std::string shown = terminal.read_until("training loss") + terminal.read_until(" left");
  second.interrupt(SIGTERM);
  second.wait();
  std::istringstream metrics(content_of(out + "/metrics.jsonl"));
  double seconds = 0, steps_here = 0;
  for (std::string line; std::getline(metrics, line);) {
    const nlohmann::json step = nlohmann::json::parse(line);
    if (step.at("step") <= resumed_from) continue;
    seconds += step.at("seconds").get<double>();
    ++steps_here;
  }
  ASSERT_LT(steps_here, 1500) << "with as many the steps before would no longer show";
  EXPECT_GE(seconds_left(shown), 0.4 * 990000 * seconds / steps_here) << shown;
}

}  // namespace
}  // namespace slm::test
