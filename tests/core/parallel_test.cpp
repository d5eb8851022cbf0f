// SPDX-License-Identifier: Apache-2.0
#include "slm/core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "slm/core/error.h"

namespace slm {
namespace {

class Parallel : public testing::Test {
 protected:
  void TearDown() override { set_num_threads(before_); }
  int before_ = num_threads();
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

TEST_F(Parallel, RefusesAbsurdThreadCounts) {
  EXPECT_THROW(set_num_threads(0), ArgumentError);
  EXPECT_THROW(set_num_threads(100000), ArgumentError);
}

}  // namespace
}  // namespace slm
