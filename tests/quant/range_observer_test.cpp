// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/range_observer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "slm/core/rng.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

TEST(RangeObserver, AveragesExtremesAndCorrectsForItsStart) {
  RangeObserver observer(0.75);
  EXPECT_FALSE(observer.has_seen());
  EXPECT_THROW(observer.params(), ArgumentError);
  observer.see(std::vector<float>{-1.0f, 0.5f, 3.0f});
  GridParams params = observer.params();
  EXPECT_EQ(params.scale, 4.0f / 254) << "one batch counts whole";
  EXPECT_EQ(params.zero, -127 + 64) << "rint(1 / scale) = 63.5, to the even one";
  observer.see(std::vector<float>{-2.0f, 1.0f});
  // weights 0.75·0.25 and 0.25 of 0.4375
  const double least = (0.1875 * -1 + 0.25 * -2) / 0.4375, largest = (0.1875 * 3 + 0.25 * 1) / 0.4375;
  params = observer.params();
  EXPECT_FLOAT_EQ(params.scale, static_cast<float>((largest - least) / 254));
  EXPECT_EQ(params.zero, -127 - static_cast<int32_t>(std::rint(least / ((largest - least) / 254))));
  const RangeObserver again(0.75, observer.state());
  EXPECT_EQ(again.params().scale, params.scale);
  EXPECT_EQ(again.params().zero, params.zero);
}

TEST(RangeObserver, ZeroIsAlwaysOnTheGrid) {
  RangeObserver observer(0.9);
  observer.see(std::vector<float>{2.0f, 5.0f});
  const GridParams params = observer.params();
  EXPECT_EQ(params.zero, -127);
  EXPECT_FLOAT_EQ(decode(kGridA8S, params, encode(kGridA8S, params, 5.0f)), 5.0f);
  RangeObserver negative(0.9);
  negative.see(std::vector<float>{-5.0f, -2.0f});
  EXPECT_EQ(negative.params().zero, 127);
  EXPECT_FLOAT_EQ(decode(kGridA8S, negative.params(), encode(kGridA8S, negative.params(), -5.0f)), -5.0f);
  EXPECT_EQ(decode(kGridA8S, negative.params(), encode(kGridA8S, negative.params(), 3.0f)), 0.0f) << "clipped";
  RangeObserver zeros(0.9);
  zeros.see(std::vector<float>(40, 0.0f));
  EXPECT_EQ(zeros.params().scale, 0.0f);
  EXPECT_EQ(decode(kGridA8S, zeros.params(), encode(kGridA8S, zeros.params(), 7.0f)), 0.0f);
}

TEST(RangeObserver, IsTheSameForAnyThreadsAndRefusesWhatIsNoNumber) {
  Rng rng(1);
  std::vector<float> values(100000);
  for (float& x : values) x = rng.normal();
  std::vector<double> found;
  for (const int threads : {1, 2, 3}) {
    const test::ScopedThreads scope(threads);
    RangeObserver observer;
    observer.see(values);
    found.push_back(observer.state().least);
    found.push_back(observer.state().largest);
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
      std::vector<float> with = values;
      with[77777] = bad;
      EXPECT_THROW(observer.see(with), ArgumentError);
    }
    EXPECT_EQ(observer.state().least, found[found.size() - 2]) << "what was refused is not counted";
    EXPECT_EQ(observer.state().largest, found.back());
  }
  for (size_t i = 2; i < found.size(); ++i) EXPECT_EQ(found[i], found[i - 2]);
  RangeObserver observer;
  EXPECT_THROW(observer.see({}), ArgumentError);
}

}  // namespace
}  // namespace slm
