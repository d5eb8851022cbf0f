// SPDX-License-Identifier: Apache-2.0
// Threads: the one place that knows OpenMP. Work is cut into equal contiguous ranges, the same for a thread count,
// so that results do not depend on timing (numerics N6).
#pragma once

#include <cstdint>
#include <type_traits>

namespace slm {

constexpr int kMostThreads = 1024;

/// Sets how many threads a parallel region uses from now on, whichever thread of the process begins it. Throws
/// ArgumentError unless 1 ≤ threads ≤ kMostThreads.
void set_num_threads(int threads);
/// Default: OMP_NUM_THREADS (of a list the first), else the processors this process may run on when it begins;
/// omp_set_num_threads() is not asked. Throws ArgumentError where OMP_NUM_THREADS is no such number.
int num_threads();

namespace detail {
using RangeFunction = void (*)(void* context, int64_t begin, int64_t end, int thread);
void parallel_ranges(int64_t n, int64_t grain, RangeFunction function, void* context);
void parallel_region(void (*function)(void* context), void* context);
}  // namespace detail

/// Calls f(begin, end, thread) on ranges that cover [0, n): num_threads() at most, none smaller than `grain` unless n
/// is. `thread` numbers the range, from 0: in a parallel_region a thread may run several, no two with one number run at
/// a time. Runs on the calling thread when one range is enough or when called inside another region. Does not allocate.
/// An exception thrown by f is rethrown here (the first by thread number).
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  using Function = std::remove_reference_t<F>;
  detail::parallel_ranges(
      n, grain,
      [](void* context, int64_t begin, int64_t end, int thread) {
        (*static_cast<Function*>(context))(begin, end, thread);
      },
      const_cast<void*>(static_cast<const void*>(&f)));
}

/// Runs f on the calling thread while the others stand by: each parallel_for in it only hands them work, which is
/// cheaper than to begin and end a region, and on a busy machine much so: ranges that nobody has begun are run by who
/// is there, and who waits polls for some 250 µs, then sleeps.
/// Does not allocate. For many short loops in a row; f in another region, or with one thread, simply runs. Rethrows
/// what f throws.
template <class F>
void parallel_region(F&& f) {
  using Function = std::remove_reference_t<F>;
  detail::parallel_region([](void* context) { (*static_cast<Function*>(context))(); },
                          const_cast<void*>(static_cast<const void*>(&f)));
}

}  // namespace slm
