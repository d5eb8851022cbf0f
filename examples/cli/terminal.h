// SPDX-License-Identifier: Apache-2.0
// Terminal: what programs show people: notes and progress on stderr, tables on stdout; and what they read: prompts,
// Ctrl-C and the other signals that ask a program to end.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "slm/core/error.h"
#include "slm/core/progress.h"

namespace slm {

/// The one way to stderr: after what stdout still held back, so that a log that takes both keeps their order. Throws
/// IoError where that cannot be written, once the text is.
void write_stderr(std::string_view text);
template <class... Args>
void tell(fmt::format_string<Args...> format, Args&&... args) {
  write_stderr(fmt::format(format, std::forward<Args>(args)...));
}

/// Progress on stderr: one line rewritten in place on a terminal; elsewhere a line every ten seconds, so that logs stay
/// short and fast work stays silent. While an EndOnSignal lives, its callback is where work ends on a signal.
class ProgressLine {
 public:
  /// `done_before`: units of the total that were done before it began, which say nothing of its pace.
  explicit ProgressLine(std::string task, uint64_t done_before = 0);
  ~ProgressLine() { finish(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Refers to this object. The time left is estimated from what was done since it began. Throws Interrupted.
  Progress callback();
  /// Clears the line on a terminal.
  void finish();

 private:
  void show(const ProgressEvent& event);

  std::string task_;
  uint64_t done_before_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point begin_, last_;
};

/// Rows of cells with aligned columns, in Markdown, so that it can be read as it is and pasted into a document.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;  ///< the first column left-aligned, the others right-aligned

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Largest resident memory of this process so far (VmHWM); 0 where the system does not tell.
uint64_t peak_rss_bytes();
/// Memory and swap of the machine; 0 where the system does not tell.
uint64_t memory_bytes();
/// The peak counts from what is resident now, where the system allows it (Linux's clear_refs); otherwise it goes on.
void reset_peak_rss();
/// Text of a file or a user as one line that is safe to show: no UTF-8 becomes U+FFFD, control characters spaces.
std::string one_line(std::string_view text);
/// Characters a terminal shows: code points of UTF-8 (all that programs print is one column wide).
size_t columns(std::string_view text);
/// "1 token", "2 tokens".
std::string counted(int64_t count, std::string_view noun);
/// "491.3 MB" (10⁶ bytes).
std::string megabytes(uint64_t bytes);
/// "7 s", "3 min 20 s", "2 h 05 min".
std::string duration(double seconds);

/// Says on stderr where text of a file or a user is no UTF-8. The tokenizer reads such bytes as U+FFFD: what is
/// measured or answered is then another text.
void tell_bytes_that_are_no_utf8(const std::string& name, std::string_view text);
/// All of a file, or of stdin for "-"; says on stderr where it is no UTF-8. Throws IoError.
std::string read_text(const std::string& path);
bool stdin_is_terminal();

/// A signal asked the program to end: exit code 128 + its number, as shells count.
class Interrupted : public Error {
 public:
  explicit Interrupted(int signal_number);
  int exit_code() const { return 128 + signal_; }

 private:
  int signal_;
};

/// While it lives, SIGINT (Ctrl-C), SIGTERM and SIGHUP do not end the process on the spot but at the next step of its
/// work, by an exception: temporary files go, and nothing half done is printed. More of them within a second are the
/// same request (`timeout` signals the process and its group); one that comes later ends it as usual. Under nohup
/// SIGHUP stays without effect. One at a time.
class EndOnSignal {
 public:
  EndOnSignal();
  ~EndOnSignal();
  EndOnSignal(const EndOnSignal&) = delete;
  EndOnSignal& operator=(const EndOnSignal&) = delete;
  /// Throws Interrupted where a signal came. For work that shows no progress.
  static void check();
  /// Whether one came: for work that has something to save first.
  static bool raised();
};

/// While it lives, Ctrl-C sets a flag instead of ending the process; a second one before clear() ends it as usual.
/// A read from stdin that waits is cut short. One at a time.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;
  bool raised() const;
  void clear();
};

}  // namespace slm
