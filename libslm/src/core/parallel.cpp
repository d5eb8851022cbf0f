// SPDX-License-Identifier: Apache-2.0
#include "slm/core/parallel.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>

#include "slm/core/check.h"

namespace slm {
namespace {

std::atomic<int> chosen_threads = 0;  // OpenMP's own setting holds for the thread that sets it only

}  // namespace

void set_num_threads(int threads) {
  SLM_CHECK(threads >= 1 && threads <= 1024, "[threads] {} asked for, expected 1 to 1024", threads);
  chosen_threads = threads;
}

int num_threads() {
  const int chosen = chosen_threads;
  return chosen > 0 ? chosen : omp_get_max_threads();
}

namespace detail {

void parallel_ranges(int64_t n, int64_t grain, RangeFunction function, void* context) {
  if (n <= 0) return;
  const int64_t ranges = std::clamp<int64_t>(n / std::max<int64_t>(grain, 1), 1, num_threads());
  if (ranges == 1 || omp_in_parallel() != 0) {
    function(context, 0, n, 0);
    return;
  }
  std::exception_ptr error;
  int error_range = INT32_MAX;
#pragma omp parallel num_threads(static_cast<int>(ranges))
  {
    // The runtime may give fewer threads than asked for; the ranges stay the same.
    for (int64_t r = omp_get_thread_num(); r < ranges; r += omp_get_num_threads()) {
      try {
        function(context, n * r / ranges, n * (r + 1) / ranges, static_cast<int>(r));
      } catch (...) {
#pragma omp critical(slm_parallel_error)
        if (r < error_range) {
          error_range = static_cast<int>(r);
          error = std::current_exception();
        }
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace detail
}  // namespace slm
