// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/range_observer.h"

#include <algorithm>
#include <array>
#include <vector>

#include "slm/core/parallel.h"

namespace slm {

void RangeObserver::see(std::span<const float> values) {
  SLM_CHECK(!values.empty(), "[observer] no values");
  std::vector<MinMax> of_thread(static_cast<size_t>(num_threads()), {values[0], values[0]});
  parallel_for(std::ssize(values), 1 << 14, [&](int64_t begin, int64_t end, int thread) {
    of_thread[static_cast<size_t>(thread)] =
        min_max(values.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
  });
  MinMax all = of_thread[0];
  for (const MinMax& part : of_thread) all = {std::min(all.min, part.min), std::max(all.max, part.max)};
  const double fresh = 1.0 - decay_;
  state_.least = decay_ * state_.least + fresh * static_cast<double>(all.min);
  state_.largest = decay_ * state_.largest + fresh * static_cast<double>(all.max);
  state_.weight = decay_ * state_.weight + fresh;
}

GridParams RangeObserver::params() const {
  SLM_CHECK(has_seen(), "[observer] no range: nothing was seen");
  return find_params(kGridA8S, std::array{static_cast<float>(state_.least / state_.weight),
                                          static_cast<float>(state_.largest / state_.weight)});
}

}  // namespace slm
