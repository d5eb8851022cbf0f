// SPDX-License-Identifier: Apache-2.0
#include "slm/core/parallel.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "slm/core/error.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

class Parallel : public testing::Test {
 protected:
  const test::ScopedThreads restored_{num_threads()};
};

TEST_F(Parallel, CoversEveryIndexOnce) {
  for (const int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    for (const int64_t n : {0, 1, 2, 5, 64, 1001}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
      parallel_for(n, 3, [&](int64_t begin, int64_t end, int thread) {
        EXPECT_LT(thread, threads);
        for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
      });
      for (const auto& count : seen) EXPECT_EQ(count, 1);
    }
  }
}

TEST_F(Parallel, GivesNoRangeSmallerThanTheGrain) {
  set_num_threads(4);
  parallel_for(10, 5, [](int64_t begin, int64_t end, int) { EXPECT_GE(end - begin, 5); });
  int calls = 0;
  parallel_for(9, 5, [&](int64_t begin, int64_t end, int) {
    ++calls;
    EXPECT_EQ(end - begin, 9);
  });
  EXPECT_EQ(calls, 1);
}

TEST_F(Parallel, RethrowsTheFirstError) {
  set_num_threads(3);
  try {
    parallel_for(3, 1, [](int64_t, int64_t, int thread) {
      if (thread > 0) throw std::runtime_error(std::to_string(thread));
    });
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "1");
  }
}

TEST_F(Parallel, RunsNestedRegionsOnTheCallingThread) {
  set_num_threads(2);
  std::atomic<int> total = 0;
  parallel_for(2, 1, [&](int64_t, int64_t, int) {
    parallel_for(8, 1, [&](int64_t begin, int64_t end, int) { total += static_cast<int>(end - begin); });
  });
  EXPECT_EQ(total, 16);
}

TEST_F(Parallel, UsesAsManyThreadsWhicheverThreadAsks) {
  set_num_threads(3);
  int elsewhere = 0;
  std::thread([&] { elsewhere = num_threads(); }).join();
  EXPECT_EQ(elsewhere, 3);
}

TEST_F(Parallel, RegionHandsOutTheSameRangesAsALoopAlone) {
  for (const int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    for (const int64_t n : {0, 1, 2, 5, 64, 1001}) {
      using Ranges = std::set<std::array<int64_t, 3>>;
      const auto ranges_of = [&] {
        Ranges ranges;
        std::mutex mutex;
        parallel_for(n, 3, [&](int64_t begin, int64_t end, int thread) {
          const std::lock_guard lock(mutex);
          EXPECT_TRUE(ranges.insert({begin, end, thread}).second);
        });
        return ranges;
      };
      const Ranges alone = ranges_of();
      parallel_region([&] {
        EXPECT_EQ(ranges_of(), alone);
        parallel_region([&] { EXPECT_EQ(ranges_of(), alone) << "a region in a region"; });
        EXPECT_EQ(ranges_of(), alone);
      });
    }
  }
}

TEST_F(Parallel, RegionRunsItsRangesAtTheSameTime) {
  set_num_threads(3);
  parallel_region([] {
    for (int loop = 0; loop < 2; ++loop) {
      std::atomic<int> running = 0;
      parallel_for(3, 1, [&](int64_t, int64_t, int) {
        ++running;
        const auto begin = std::chrono::steady_clock::now();
        while (running < 3 && std::chrono::steady_clock::now() - begin < std::chrono::seconds(60))
          std::this_thread::yield();  // until all three are here
        EXPECT_EQ(running, 3);
      });
    }
  });
}

TEST_F(Parallel, RegionSurvivesManyShortLoopsWithMoreThreadsThanProcessors) {
  set_num_threads(5);
  std::vector<int64_t> sums(5);
  constexpr int64_t kLoops = 4000;
  parallel_region([&] {
    for (int64_t i = 0; i < kLoops; ++i)
      parallel_for(5, 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t r = begin; r < end; ++r) sums[static_cast<size_t>(r)] += i;  // each sees the loop before
      });
  });
  EXPECT_EQ(sums, std::vector<int64_t>(5, kLoops * (kLoops - 1) / 2));
}

TEST_F(Parallel, LoopsDoNotWaitForThreadsThatHaveNoProcessor) {
  set_num_threads(4);
  constexpr int kLoops = 2000;
  std::array<int64_t, 4> calls = {};
  int64_t switches = 0;
  std::thread([&] {  // its team is begun with its processors: one for all four
    cpu_set_t allowed, first;
    ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    CPU_ZERO(&first);
    for (size_t cpu = 0; CPU_COUNT(&first) == 0; ++cpu)
      if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &first);
    ASSERT_EQ(sched_setaffinity(0, sizeof first, &first), 0);
    const auto switches_so_far = [] {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      return usage.ru_nvcsw + usage.ru_nivcsw;
    };
    switches = -switches_so_far();
    parallel_region([&] {
      for (int i = 0; i < kLoops; ++i)
        parallel_for(4, 1, [&](int64_t begin, int64_t, int) { ++calls[static_cast<size_t>(begin)]; });
    });
    switches += switches_so_far();
  })
      .join();
  EXPECT_EQ(calls, (std::array<int64_t, 4>{kLoops, kLoops, kLoops, kLoops}));
  EXPECT_LT(switches, kLoops) << "a loop that waits for all four needs three each";
}

TEST_F(Parallel, RegionRethrowsWhatALoopOrItsOwnCodeThrows) {
  set_num_threads(3);
  const auto failing_loop = [] {
    parallel_for(3, 1, [](int64_t begin, int64_t, int) { throw std::runtime_error(std::to_string(begin)); });
  };
  try {
    parallel_region(failing_loop);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "0") << "the first range's";
  }
  EXPECT_THROW(parallel_region([] { throw std::logic_error("own"); }), std::logic_error);
  int loops = 0;
  parallel_region([&] {
    EXPECT_THROW(failing_loop(), std::runtime_error);
    parallel_for(1, 1, [&](int64_t, int64_t, int) { ++loops; });  // and goes on
  });
  EXPECT_EQ(loops, 1);
}

TEST_F(Parallel, RegionLoopsNestOnTheirOwnThread) {
  set_num_threads(3);
  std::atomic<int> inner = 0;
  parallel_region([&] {
    parallel_for(3, 1, [&](int64_t, int64_t, int) {
      const auto self = std::this_thread::get_id();
      parallel_for(8, 1, [&](int64_t begin, int64_t end, int) {
        EXPECT_EQ(std::this_thread::get_id(), self);
        inner += static_cast<int>(end - begin);
      });
      parallel_region([&] { EXPECT_EQ(std::this_thread::get_id(), self); });
    });
  });
  EXPECT_EQ(inner, 24);
}

TEST_F(Parallel, RegionsOfSeveralThreadsDoNotMeet) {
  set_num_threads(3);
  std::array<std::atomic<int64_t>, 2> sums = {};
  const auto work = [&](size_t which) {
    for (int i = 0; i < 50; ++i)
      parallel_region([&] {
        for (int j = 0; j < 20; ++j)
          parallel_for(30, 1, [&](int64_t begin, int64_t end, int) { sums[which] += end - begin; });
      });
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_EQ(sums[0], 50 * 20 * 30);
  EXPECT_EQ(sums[1], 50 * 20 * 30);
}

TEST_F(Parallel, RegionRunsMoreRangesThanItHasMembers) {
  set_num_threads(2);
  std::vector<std::atomic<int>> seen(kMostThreads);
  parallel_region([&] {
    set_num_threads(kMostThreads);
    for (int loop = 1; loop <= 3; ++loop) {
      parallel_for(kMostThreads, 1, [&](int64_t begin, int64_t, int) { ++seen[static_cast<size_t>(begin)]; });
      for (const auto& count : seen) ASSERT_EQ(count, loop);
    }
  });
}

/// Processes of their own, as the environment is read once.
TEST(ParallelEnvironmentDeathTest, OfAListTheFirstCountsInARegionToo) {
#ifdef SLM_RUN_BY_EMULATOR
  GTEST_SKIP() << "a process begun here would have no emulator";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const char* const before = std::getenv("OMP_NUM_THREADS");
  const std::string kept = before != nullptr ? before : "";
  setenv("OMP_NUM_THREADS", "3,1", 1);
  const auto ranges = [] {
    std::atomic<int> count = 0;
    parallel_for(64, 1, [&](int64_t, int64_t, int) { ++count; });
    return count.load();
  };
  EXPECT_EXIT(std::exit(10 * num_threads() + ranges()), testing::ExitedWithCode(33), "");
  EXPECT_EXIT(parallel_region([&] { std::_Exit(10 * num_threads() + ranges()); }), testing::ExitedWithCode(33), "");
  setenv("OMP_NUM_THREADS", kept.c_str(), 1);  // empty is as none
}

TEST_F(Parallel, RefusesAbsurdThreadCounts) {
  EXPECT_THROW(set_num_threads(0), ArgumentError);
  EXPECT_THROW(set_num_threads(100000), ArgumentError);
}

}  // namespace
}  // namespace slm
