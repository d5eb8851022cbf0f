// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "slm/core/error.h"
#include "slm/io/json.h"
#include "slm/text/utf8.h"

namespace slm {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

// A signal handler can reach nothing else than globals.
volatile sig_atomic_t interrupted = 0;  // InterruptFlag
std::atomic<int> signal_to_end = 0;     // EndOnSignal: its number
std::atomic<int64_t> asked_at = 0;      // and when it came, ns
static_assert(std::atomic<int64_t>::is_always_lock_free);
constexpr std::array kSignalsToEnd = {SIGINT, SIGTERM, SIGHUP};
constexpr int64_t kOneAsk = 1'000'000'000;  // ns

int64_t monotonic_ns() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{1'000'000'000} * now.tv_sec + now.tv_nsec;
}

void on_signal_to_end(int signal_number) {
  const int64_t now = monotonic_ns();
  int64_t first = 0;
  if (asked_at.compare_exchange_strong(first, now)) {
    signal_to_end = signal_number;
  } else if (now - first >= kOneAsk) {
    signal(signal_number, SIG_DFL);
    raise(signal_number);  // once this handler has returned
  }
}

void arm(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = handler == SIG_DFL ? 0 : static_cast<int>(SA_RESETHAND);  // no SA_RESTART: a waiting read ends
  sigaction(SIGINT, &action, nullptr);
}

void on_interrupt(int) { interrupted = 1; }

std::string read_stdin() {
  std::string text;
  char buffer[65536];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, stdin)) text.append(buffer, n);
  if (std::ferror(stdin) != 0) throw IoError("[input] cannot read stdin", errno);
  return text;
}

}  // namespace

void write_stderr(std::string_view text) {
  const int why = std::fflush(stdout) == 0 ? 0 : errno;
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  if (why != 0) throw IoError("[output] cannot write to stdout", why);
}

ProgressLine::ProgressLine(std::string task, uint64_t done_before)
    : task_(std::move(task)),
      done_before_(done_before),
      terminal_(isatty(STDERR_FILENO) == 1),
      begin_(Clock::now()),
      last_(begin_) {}

Progress ProgressLine::callback() {
  return [this](const ProgressEvent& event) { show(event); };
}

void ProgressLine::show(const ProgressEvent& event) {
  EndOnSignal::check();
  const Clock::time_point now = Clock::now();
  if (seconds_between(last_, now) < (terminal_ ? 0.1 : 10.0)) return;
  last_ = now;
  std::string text = fmt::format("{} {}", task_, event.what);
  if (event.total > 0) {
    const uint64_t done = std::min(event.done, event.total);
    text += fmt::format("  {:.0f} %", 100 * static_cast<double>(done) / static_cast<double>(event.total));
    if (done > done_before_)
      text += fmt::format("  {} left", duration(seconds_between(begin_, now) * static_cast<double>(event.total - done) /
                                                static_cast<double>(done - done_before_)));
  }
  tell("{}{}{}", terminal_ ? "\r\033[K" : "", text, terminal_ ? "" : "\n");
  shown_ = true;
}

void ProgressLine::finish() {
  if (shown_ && terminal_) std::fputs("\r\033[K", stderr);  // a destructor calls it: nothing may be thrown
  shown_ = false;
}

std::string Table::text() const {
  std::vector<size_t> widths(rows_[0].size(), 0);
  for (const auto& row : rows_)
    for (size_t c = 0; c < widths.size(); ++c) widths[c] = std::max(widths[c], columns(row[c]));
  std::string text;
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t c = 0; c < widths.size(); ++c) {
      const std::string pad(widths[c] - columns(rows_[r][c]), ' ');
      text += "| " + (c == 0 ? rows_[r][c] + pad : pad + rows_[r][c]) + " ";
    }
    text += "|\n";
    if (r > 0) continue;
    for (size_t c = 0; c < widths.size(); ++c)
      text += c == 0 ? "|" + std::string(widths[c] + 2, '-') : "|" + std::string(widths[c] + 1, '-') + ":";
    text += "|\n";
  }
  return text;
}

uint64_t peak_rss_bytes() {
  // Not getrusage: its ru_maxrss survives exec, so a program started by a big parent would report the parent's.
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  return 0;
}

uint64_t memory_bytes() {
  std::ifstream info("/proc/meminfo");
  uint64_t bytes = 0;
  for (std::string line; std::getline(info, line);)
    for (const std::string name : {"MemTotal:", "SwapTotal:"})
      if (line.starts_with(name)) bytes += std::stoull(line.substr(name.size())) * 1024;
  return bytes;
}

void reset_peak_rss() { std::ofstream("/proc/self/clear_refs") << "5"; }

std::string one_line(std::string_view text) {
  std::string line = replace_invalid_utf8(text);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line;
}

size_t columns(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string counted(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string megabytes(uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

std::string duration(double seconds) {
  const int64_t s = static_cast<int64_t>(std::max(0.0, seconds) + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

void tell_bytes_that_are_no_utf8(const std::string& name, std::string_view text) {
  const size_t first = valid_utf8_prefix(text);
  int64_t count = 0;
  for (std::string_view rest = text.substr(first); !rest.empty();) {
    const Utf8Step step = utf8_step(rest);
    if (!step.valid) count += step.length;
    rest.remove_prefix(step.length);
  }
  if (count > 0)
    tell("warning: {}: {} no UTF-8, the first at offset {}; read as U+FFFD\n", one_line(name),
         count == 1 ? "1 byte is" : fmt::format("{} bytes are", count), first);
}

std::string read_text(const std::string& path) {
  const bool from_stdin = path == "-";
  std::string text = from_stdin ? read_stdin() : read_file(path);
  tell_bytes_that_are_no_utf8(from_stdin ? "stdin" : path, text);
  return text;
}

bool stdin_is_terminal() { return isatty(STDIN_FILENO) == 1; }

Interrupted::Interrupted(int signal_number)
    : Error(fmt::format("ended by signal {} ({})", signal_number, strsignal(signal_number))), signal_(signal_number) {}

EndOnSignal::EndOnSignal() {
  signal_to_end = 0;
  asked_at = 0;
  for (const int number : kSignalsToEnd) {
    struct sigaction action = {}, before = {};
    action.sa_handler = on_signal_to_end;
    action.sa_flags = SA_RESTART;
    sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);  // ignored under nohup: it stays so
  }
}

EndOnSignal::~EndOnSignal() {
  if (raised()) return;  // the program is on its way out: what else comes within the second is the same request
  for (const int number : kSignalsToEnd) {
    struct sigaction action = {};
    sigaction(number, nullptr, &action);
    if (action.sa_handler == on_signal_to_end) signal(number, SIG_DFL);
  }
}

void EndOnSignal::check() {
  if (raised()) throw Interrupted(signal_to_end);
}
bool EndOnSignal::raised() { return signal_to_end != 0; }

InterruptFlag::InterruptFlag() { clear(); }
InterruptFlag::~InterruptFlag() { arm(SIG_DFL); }
bool InterruptFlag::raised() const { return interrupted != 0; }
void InterruptFlag::clear() {
  interrupted = 0;
  arm(on_interrupt);
}

}  // namespace slm
