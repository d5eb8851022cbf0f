// SPDX-License-Identifier: Apache-2.0
#include "slm/core/parallel.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <string_view>

#include "slm/core/check.h"

namespace slm {
namespace {

std::atomic<int> chosen_threads = 0;  // OpenMP's own setting holds for the thread that sets it only

const int processors = omp_get_num_procs();  // of the process, not of a thread that asks later

/// Where nobody chose: what the environment asks, else the processors this process may run on. OpenMP would begin as
/// many threads as the environment says, whatever it says, and inside a region it means another item of a list.
int default_threads() {
  const char* asked = std::getenv("OMP_NUM_THREADS");
  if (asked == nullptr || *asked == '\0') return std::min(processors, kMostThreads);
  long long first = 0;
  for (const char* item = asked;; ++item) {  // may be a list, by depth of nesting: the first is ours
    char* end = nullptr;
    const long long threads = std::strtoll(item, &end, 10);
    item = end + std::strspn(end, " \t");
    SLM_CHECK(threads >= 1 && threads <= kMostThreads && (*item == '\0' || *item == ','),
              "[threads] OMP_NUM_THREADS is {}, expected 1 to {}", asked, kMostThreads);
    if (first == 0) first = threads;
    if (*item == '\0') return static_cast<int>(first);
  }
}

/// Polls of a waiting thread before it sleeps, some 250 µs: by then a thread that has a processor is usually done (a
/// prefill's loops take milliseconds, their ends lie closer), and one that waits for a thread without a processor
/// leaves it its own. On a machine shared with two busy processes 1,000 polls halve the speed, and so do 100,000, now
/// and then.
constexpr int kPolls = 16000;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

/// Returns once `value` is no longer `old`.
template <class T>
void await_change(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kPolls; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

/// One call of parallel_for: ranges of [0, n), numbered as threads.
class Job {
 public:
  Job(int64_t n, int64_t ranges, detail::RangeFunction function, void* context)
      : n_(n), ranges_(ranges), function_(function), context_(context) {}

  uint32_t ranges() const { return static_cast<uint32_t>(ranges_); }
  void run(int64_t range) {
    try {
      function_(context_, n_ * range / ranges_, n_ * (range + 1) / ranges_, static_cast<int>(range));
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (range < error_range_) error_range_ = range, error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const int64_t n_, ranges_;
  const detail::RangeFunction function_;
  void* const context_;
  std::mutex mutex_;
  std::exception_ptr error_;  // the first by range
  int64_t error_range_ = INT64_MAX;
};

/// Threads of one parallel_region. Member 0 posts jobs; all claim ranges of the latest, each its own first, then what
/// nobody has begun: a job is done without members that have no processor just now, and waits for a range only whose
/// thread lost its processor within it.
class Team {
 public:
  /// Member 0: returns when every range of the job was run.
  void run(Job& job) {
    job_ = &job;
    left_.store(job.ranges(), std::memory_order_relaxed);
    post(job.ranges());
    run_ranges(0);
    for (uint32_t left; (left = left_.load(std::memory_order_acquire)) != 0;) await_change(left_, left);
  }
  /// Member 0: sends the others home.
  void close() { post(kClosed); }
  /// The others: jobs, until the team is closed.
  void serve(int member) {
    for (;;) {
      const uint32_t heard = bell_.load(std::memory_order_acquire);
      if (!run_ranges(static_cast<uint32_t>(member))) return;
      await_change(bell_, heard);
    }
  }

 private:
  static constexpr uint32_t kClosed = 0xffff;
  static_assert(kMostThreads < kClosed);
  static constexpr uint32_t kLines = kMostThreads / 8;

  void post(uint32_t ranges) {
    const uint64_t number = (posted_.load(std::memory_order_relaxed) >> 16) + 1;
    posted_.store(number << 16 | ranges, std::memory_order_release);
    bell_.fetch_add(1, std::memory_order_release);
    bell_.notify_all();
  }

  /// Whether the team is still open.
  bool run_ranges(uint32_t member) {
    const uint64_t posted = posted_.load(std::memory_order_acquire);
    const uint64_t number = posted >> 16;
    const uint32_t ranges = posted & 0xffff;
    if (ranges == kClosed) return false;
    for (uint32_t i = 0; i < ranges; ++i) {
      const uint32_t range = (member + i) % ranges;
      if (!claim(range, number)) continue;
      job_->run(range);  // that of `number`: there is no other before this range was run
      if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_one();
    }
    return true;
  }
  /// Of a job that is done all ranges are claimed by it or a later one.
  bool claim(uint32_t range, uint64_t number) {
    std::atomic<uint64_t>& claimed = claims_[range % kLines * 8 + range / kLines];  // neighbours on lines of their own
    uint64_t last = claimed.load(std::memory_order_relaxed);
    return last < number && claimed.compare_exchange_strong(last, number, std::memory_order_relaxed);
  }

  alignas(64) std::atomic<uint64_t> posted_ = 0;  // number of the latest job, and how many ranges it has
  Job* job_ = nullptr;                            // that job
  std::atomic<uint32_t> bell_ = 0;                // changes after posted_: what a futex can wait for
  alignas(64) std::atomic<uint32_t> left_ = 0;    // ranges of the job that were not run yet
  alignas(64) std::array<std::atomic<uint64_t>, kMostThreads> claims_ = {};  // number of the last job of each range
};

thread_local Team* led_team = nullptr;  // where this thread is member 0 of a team and runs no range

}  // namespace

void set_num_threads(int threads) {
  SLM_CHECK(threads >= 1 && threads <= kMostThreads, "[threads] {} asked for, expected 1 to {}", threads, kMostThreads);
  chosen_threads = threads;
}

int num_threads() {
  if (const int chosen = chosen_threads; chosen > 0) return chosen;
  static const int by_default = default_threads();
  return by_default;
}

namespace detail {

void parallel_ranges(int64_t n, int64_t grain, RangeFunction function, void* context) {
  if (n <= 0) return;
  const int64_t ranges = std::clamp<int64_t>(n / std::max<int64_t>(grain, 1), 1, num_threads());
  Team* const team = led_team;
  if (ranges == 1 || (team == nullptr && omp_in_parallel() != 0)) {
    function(context, 0, n, 0);
    return;
  }
  Job job(n, ranges, function, context);
  if (team != nullptr) {
    led_team = nullptr;  // a region inside a range runs on its own thread
    team->run(job);
    led_team = team;
  } else {
#pragma omp parallel num_threads(static_cast <int>(ranges))
    for (int64_t r = omp_get_thread_num(); r < ranges; r += omp_get_num_threads())  // may be fewer than asked for
      job.run(r);
  }
  job.rethrow();
}

void parallel_region(void (*function)(void* context), void* context) {
  if (led_team != nullptr || num_threads() == 1 || omp_in_parallel() != 0) return function(context);
  Team team;
  std::exception_ptr error;
#pragma omp parallel num_threads(num_threads())
  if (omp_get_thread_num() == 0) {
    led_team = &team;
    try {
      function(context);
    } catch (...) {
      error = std::current_exception();
    }
    led_team = nullptr;
    team.close();
  } else {
    team.serve(omp_get_thread_num());
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace detail
}  // namespace slm
