// SPDX-License-Identifier: Apache-2.0
// The gradient of an operation against central differences, in float64, of its formula written down plainly in the
// test. loss = Σ c·y with random c, so that dy = c.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iterator>
#include <vector>

#include "slm/core/matrix_view.h"
#include "slm/core/rng.h"
#include "slm/kernels/vec/variants.h"
#include "tests/support/threads.h"

namespace slm::test {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Loss = std::function<double(const Doubles&)>;

inline const kernels::VecVariant& vec() { return kernels::select(kernels::vec_variants()); }

inline Floats normal(int64_t count, uint64_t seed) {
  Rng rng(seed);
  Floats values(static_cast<size_t>(count));
  for (float& value : values) value = rng.normal();
  return values;
}
inline Doubles wide(const Floats& x) { return {x.begin(), x.end()}; }
inline MatrixView view(Floats& x, int64_t rows) {
  const int64_t columns = std::ssize(x) / rows;
  return {x.data(), rows, columns, columns};
}
inline double sum_of_products(const Doubles& y, const Floats& c) {
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i) sum += y[i] * static_cast<double>(c[i]);
  return sum;
}

/// found = before + d(loss)/dx, ‖difference‖ ≤ 1e-5 ‖gradient‖; no single one is far off, either.
inline void expect_gradient(const Floats& found, const Floats& before, const Loss& loss, const Floats& x,
                            const char* what) {
  Doubles at = wide(x);
  double difference = 0, magnitude = 0, worst = 0, largest = 0;
  for (size_t i = 0; i < at.size(); ++i) {
    const double middle = at[i], h = 1e-5;
    at[i] = middle + h;
    const double above = loss(at);
    at[i] = middle - h;
    const double slope = (above - loss(at)) / (2 * h);
    at[i] = middle;
    const double error = static_cast<double>(found[i]) - static_cast<double>(before[i]) - slope;
    difference += error * error;
    magnitude += slope * slope;
    worst = std::max(worst, std::fabs(error));
    largest = std::max(largest, std::fabs(slope));
  }
  EXPECT_GT(magnitude, 0) << what;
  EXPECT_LE(std::sqrt(difference / magnitude), 1e-5) << what;
  EXPECT_LE(worst, 1e-4 * largest) << what;
}

/// Runs with one and three threads; the bits must not depend on them.
template <class F>
void with_threads(F f) {
  std::vector<Floats> first;
  for (const int count : {1, 3}) {
    const ScopedThreads threads(count);
    const std::vector<Floats> results = f();
    if (first.empty()) first = results;
    EXPECT_EQ(results, first) << "threads change bits";
  }
}

}  // namespace slm::test
