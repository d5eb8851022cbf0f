// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/range_observer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "slm/core/parallel.h"

namespace slm {

void RangeObserver::see(std::span<const float> values) {
  SLM_CHECK(!values.empty(), "[observer] no values");
  struct Extremes {
    float least = std::numeric_limits<float>::infinity(), largest = -std::numeric_limits<float>::infinity();
  };
  std::vector<Extremes> of_thread(static_cast<size_t>(num_threads()));
  parallel_for(std::ssize(values), 1 << 14, [&](int64_t begin, int64_t end, int thread) {
    Extremes found = of_thread[static_cast<size_t>(thread)];
    float not_finite = 0.0f;  // NaN once x − x was: an infinite value, or none
    for (int64_t i = begin; i < end; ++i) {
      const float x = values[static_cast<size_t>(i)];
      not_finite += x - x;
      found.least = x < found.least ? x : found.least;
      found.largest = x > found.largest ? x : found.largest;
    }
    SLM_CHECK(not_finite == 0.0f, "[observer] a value is not finite");
    of_thread[static_cast<size_t>(thread)] = found;
  });
  Extremes all;
  for (const Extremes& part : of_thread) {
    all.least = std::min(all.least, part.least);
    all.largest = std::max(all.largest, part.largest);
  }
  const double fresh = 1.0 - decay_;
  state_.least = decay_ * state_.least + fresh * static_cast<double>(all.least);
  state_.largest = decay_ * state_.largest + fresh * static_cast<double>(all.largest);
  state_.weight = decay_ * state_.weight + fresh;
}

GridParams RangeObserver::params() const {
  SLM_CHECK(has_seen(), "[observer] no range: nothing was seen");
  return find_params(kGridA8S, std::array{static_cast<float>(state_.least / state_.weight),
                                          static_cast<float>(state_.largest / state_.weight)});
}

}  // namespace slm
