// SPDX-License-Identifier: Apache-2.0
#include "slm/core/parallel.h"

#include <omp.h>

#include <algorithm>
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

/// OpenMP would begin as many threads as the environment says, whatever it says.
void check_environment() {
  const char* asked = std::getenv("OMP_NUM_THREADS");  // may be a list, by depth of nesting: the first is ours
  if (asked == nullptr || *asked == '\0') return;
  char* end = nullptr;
  const long long threads = std::strtoll(asked, &end, 10);
  const std::string_view rest(end + std::strspn(end, " \t"));
  SLM_CHECK(threads >= 1 && threads <= kMostThreads && (rest.empty() || rest.starts_with(',')),
            "[threads] OMP_NUM_THREADS is {}, expected 1 to {}", asked, kMostThreads);
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

/// One call of parallel_for: ranges of [0, n), dealt to members 0 … members − 1 in turn.
class Job {
 public:
  Job(int64_t n, int64_t ranges, detail::RangeFunction function, void* context)
      : n_(n), ranges_(ranges), function_(function), context_(context) {}

  void run(int member, int members) {
    for (int64_t r = member; r < ranges_; r += members) {
      try {
        function_(context_, n_ * r / ranges_, n_ * (r + 1) / ranges_, static_cast<int>(r));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (r < error_range_) error_range_ = r, error_ = std::current_exception();
      }
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

/// Threads of one parallel_region: member 0 posts jobs, the others wait for them.
class Team {
 public:
  /// Member 0, before the first job.
  void open(int members) { members_ = members; }

  /// Member 0: all members run the job; returns when the last one has.
  void run(Job& job) {
    post(&job);
    job.run(0, members_);
    for (int left; (left = working_.load(std::memory_order_acquire)) != 0;) await_change(working_, left);
  }
  /// Member 0: sends the others home.
  void close() { post(nullptr); }
  /// The others: jobs, until the team is closed.
  void serve(int member) {
    for (uint32_t seen = 0;; ++seen) {
      await_change(posts_, seen);
      if (job_ == nullptr) return;
      job_->run(member, members_);
      if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_one();
    }
  }

 private:
  void post(Job* job) {
    job_ = job;
    working_.store(members_ - 1, std::memory_order_relaxed);
    posts_.fetch_add(1, std::memory_order_release);
    posts_.notify_all();
  }

  int members_ = 1;
  Job* job_ = nullptr;
  alignas(64) std::atomic<uint32_t> posts_ = 0;
  alignas(64) std::atomic<int> working_ = 0;  // others that have not finished the job
};

thread_local Team* led_team = nullptr;  // where this thread is member 0 of a team and runs no range

}  // namespace

void set_num_threads(int threads) {
  SLM_CHECK(threads >= 1 && threads <= kMostThreads, "[threads] {} asked for, expected 1 to {}", threads, kMostThreads);
  chosen_threads = threads;
}

int num_threads() {
  if (const int chosen = chosen_threads; chosen > 0) return chosen;
  [[maybe_unused]] static const bool checked = (check_environment(), true);
  return std::min(omp_get_max_threads(), kMostThreads);
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
    job.run(omp_get_thread_num(), omp_get_num_threads());  // may be fewer threads than asked for
  }
  job.rethrow();
}

void parallel_region(void (*function)(void* context), void* context) {
  if (led_team != nullptr || num_threads() == 1 || omp_in_parallel() != 0) return function(context);
  Team team;
  std::exception_ptr error;
#pragma omp parallel num_threads(num_threads())
  if (omp_get_thread_num() == 0) {
    team.open(omp_get_num_threads());
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
