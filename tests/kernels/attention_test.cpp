// SPDX-License-Identifier: Apache-2.0
// Attention: every variant against softmax in float64 over the stored keys and values, within a derived bound.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "slm/core/dtype.h"
#include "slm/core/rng.h"
#include "tests/kernels/attention_problem.h"
#include "tests/kernels/attention_reference.h"
#include "tests/support/bounds.h"

namespace slm::emulated {
kernels::AttentionVariant attention_avx512vnni(kernels::Isa isa, kernels::KvStorage storage);
}

namespace slm::kernels::attention_test {
namespace {

struct Tested {
  AttentionVariant variant;
  Isa needs;
  std::string name;
  friend std::ostream& operator<<(std::ostream& out, const Tested& tested) { return out << tested.name; }
};

std::vector<Tested> tested_variants() {
  std::vector<Tested> all;
  for (KvStorage storage : {KvStorage::F32, KvStorage::F16}) {
    for (const AttentionVariant& v : attention_variants(storage)) all.push_back({v, v.isa, v.name});
#if defined(SLM_EMULATED_AVX512)
    const AttentionVariant emulated = emulated::attention_avx512vnni(Isa::Avx512Vnni, storage);
    all.push_back({emulated, Isa::Avx2, std::string(emulated.name) + "_emulated"});
#endif
  }
  return all;
}

/// The largest error as a share of its bound.
double expect_close(const Problem& p, const std::vector<float>& out) {
  double worst = 0.0;
  for (int64_t r = 0; r < p.rows(); ++r)
    for (int64_t h = 0; h < p.heads; ++h) {
      const Range range = p.ranges[static_cast<size_t>(r)];
      const auto stored = [&](const std::vector<float>& x) {
        return
            [&](int64_t t, int64_t d) { return p.stored(x[static_cast<size_t>((range.begin + t) * p.head_dim + d)]); };
      };
      const auto [expected, bound] =
          test::attention_reference(p.q.data() + r * p.q_stride() + h * p.head_dim, p.scale, p.head_dim,
                                    range.end - range.begin, stored(p.k), stored(p.v));
      for (size_t d = 0; d < expected.size(); ++d) {
        const auto actual = static_cast<double>(out[static_cast<size_t>(r * p.q_stride() + h * p.head_dim) + d]);
        EXPECT_NEAR(actual, expected[d], bound[d]) << "row " << r << " head " << h << " channel " << d;
        worst = std::max(worst, std::fabs(actual - expected[d]) / bound[d]);
      }
    }
  return worst;
}

class Attention : public testing::TestWithParam<Tested> {
 protected:
  void SetUp() override {
    if (!supported(GetParam().needs)) GTEST_SKIP() << name(GetParam().needs) << " cannot run on this processor";
  }
  const AttentionVariant& variant() const { return GetParam().variant; }
};

TEST_P(Attention, AgreesWithDoubleForEveryHeadSize) {
  for (int64_t head_dim : {8, 16, 24, 40, 64, 80, 96, 120, 128, 256}) {
    SCOPED_TRACE(head_dim);
    const Problem p(variant(), 3, head_dim, causal(11, 60));
    EXPECT_GT(expect_close(p, p.run(variant())), 0.01) << "a bound that no error comes near tells nothing";
  }
}

TEST_P(Attention, AgreesWithDoubleForEveryContextLength) {
  for (int32_t cached : {0, 1, 7, 30, 31, 32, 33, 63, 64, 100, 127, 128, 159, 255, 256, 500})
    for (int64_t heads : {1, 2, 7, 25}) {
      SCOPED_TRACE(testing::Message() << cached << " cached, heads " << heads);
      const Problem p(variant(), heads, 64, causal(1, cached));
      expect_close(p, p.run(variant()));
    }
}

TEST_P(Attention, AgreesWithDoubleInPrefillAndWindows) {
  for (int32_t cached : {20, 200})
    for (int32_t window : {1 << 30, 1, 5, 32, 33, 70, 128, 129}) {
      SCOPED_TRACE(testing::Message() << cached << " cached, window " << window);
      const Problem p(variant(), 7, 64, causal(75, cached, window));
      expect_close(p, p.run(variant()));
    }
}

TEST_P(Attention, RowsMayLookAtSeparatePlaces) {
  const Problem p(variant(), 2, 32, {{0, 5}, {200, 230}, {64, 96}, {31, 33}, {5, 200}, {229, 230}});
  expect_close(p, p.run(variant()));
}

TEST_P(Attention, ARowsResultDoesNotDependOnTheOthers) {
  for (int32_t window : {1 << 30, 40, 130}) {
    const Problem p(variant(), 7, 64, causal(50, 225, window));
    const std::vector<float> together = p.run(variant());
    for (int64_t rows : {1, 3, 8})
      for (int64_t first = 0; first < p.rows(); first += rows) {
        const int64_t count = std::min(rows, p.rows() - first);
        const std::vector<float> some = p.run(variant(), first, count);
        ASSERT_EQ(std::memcmp(some.data(), together.data() + first * p.q_stride(), some.size() * sizeof(float)), 0)
            << "rows " << first << " … " << first + count;
      }
  }
}

TEST_P(Attention, ARowThatSeesNothingBecomesZeros) {
  const Problem p(variant(), 2, 64, {{0, 40}, {7, 7}, {35, 40}});
  const std::vector<float> out = p.run(variant());
  for (int64_t i = 0; i < p.q_stride(); ++i) ASSERT_EQ(out[static_cast<size_t>(p.q_stride() + i)], 0.0f);
}

TEST_P(Attention, OneKeyGivesItsValueExactly) {
  const Problem p(variant(), 1, 64, {{36, 37}});
  const std::vector<float> out = p.run(variant());
  for (int64_t d = 0; d < 64; ++d)
    ASSERT_EQ(static_cast<double>(out[static_cast<size_t>(d)]), p.stored(p.v[static_cast<size_t>(36 * 64 + d)]));
}

TEST_P(Attention, VeryLargeScoresPickTheLargest) {
  const Problem p(variant(), 2, 64, causal(3, 70), 40.0f);  // scores of several thousand
  expect_close(p, p.run(variant()));
}

TEST_P(Attention, ScoresOfMinusInfinityAreInvisible) {
  Problem p(variant(), 1, 8, {{0, 70}, {0, 34}});
  std::fill(p.q.begin(), p.q.end(), 1.0f);
  for (int64_t t = 0; t < 70; ++t)
    if (t != 40 && t != 66) p.k[static_cast<size_t>(t * 8)] = -std::numeric_limits<float>::infinity();
  p.k[40 * 8] = p.k[66 * 8] = 2.0f;
  for (int64_t d = 1; d < 8; ++d) p.k[static_cast<size_t>(40 * 8 + d)] = p.k[static_cast<size_t>(66 * 8 + d)] = 0.5f;
  p.store(variant());
  const std::vector<float> out = p.run(variant());
  for (int64_t d = 0; d < 8; ++d) {
    const double expected =
        (p.stored(p.v[static_cast<size_t>(40 * 8 + d)]) + p.stored(p.v[static_cast<size_t>(66 * 8 + d)])) / 2.0;
    ASSERT_NEAR(static_cast<double>(out[static_cast<size_t>(d)]), expected, bounds::relative(expected, 1))
        << "weights of 1 and a division by 2: only their sum rounds";
    ASSERT_EQ(out[static_cast<size_t>(8 + d)], 0.0f) << "every key at −∞: zeros, not NaN";
  }
}

TEST_P(Attention, HalvesGiveTheBitsOfTheFloatsTheyHold) {
  if (variant().storage == KvStorage::F32) GTEST_SKIP() << "stores floats";
  const std::vector<Tested> all = tested_variants();
  const auto with_floats = std::find_if(all.begin(), all.end(), [&](const Tested& t) {
    return t.variant.storage == KvStorage::F32 && t.name.substr(3) == GetParam().name.substr(3);
  });
  ASSERT_NE(with_floats, all.end());
  for (int64_t head_dim : {64, 40, 120})
    for (int64_t heads : {1, 7}) {
      const Problem halves(variant(), heads, head_dim, causal(11, 60));
      Problem floats(with_floats->variant, heads, head_dim, causal(11, 60));
      for (std::vector<float>* side : {&floats.k, &floats.v})
        for (float& x : *side) x = f16_to_f32(f32_to_f16(x));
      floats.store(with_floats->variant);
      ASSERT_EQ(halves.run(variant()), floats.run(with_floats->variant)) << head_dim << " heads " << heads;
    }
}

TEST_P(Attention, EveryVisibleKeyAndValueCountsAndNoOther) {
  Problem p(variant(), 1, 16, {{30, 300}});
  const std::vector<float> before = p.run(variant());
  for (int64_t t : {0, 29, 30, 31, 32, 63, 64, 127, 128, 255, 256, 299}) {
    const bool visible = t >= 30;
    for (std::vector<float>* side : {&p.k, &p.v})
      for (int64_t d : {0, 7, 15}) {
        float& x = (*side)[static_cast<size_t>(t * 16 + d)];
        const float kept = x;
        x += 1.0f;
        p.store(variant());
        const std::vector<float> after = p.run(variant());
        ASSERT_EQ(after != before, visible) << (side == &p.k ? "key " : "value ") << t << " channel " << d;
        x = kept;
      }
  }
}

TEST_P(Attention, StoresKeysTransposedAndValuesPlain) {
  constexpr int64_t kDim = 24;
  Rng rng(3);
  std::vector<float> row(kDim);
  for (int64_t slot : {0, 13, 31}) {
    for (float& x : row) x = rng.normal();
    row[0] = 70000.0f;  // beyond half: its largest
    row[3] = -1e30f;
    row[4] = -INFINITY;
    row[1] = 1.0f + 0x1p-11f;  // a tie: to even
    row[2] = 3e-8f;
    for (bool key : {true, false}) {
      std::vector<uint32_t> block(32 * kDim + 8, 0xdeadbeefu);
      (key ? variant().store_k
           : variant().store_v)({.row = row.data(), .head_dim = kDim, .block = block.data(), .slot = slot});
      const auto* halves = reinterpret_cast<const uint16_t*>(block.data());
      const std::vector<uint32_t> untouched(block.size(), 0xdeadbeefu);
      const auto* clean = reinterpret_cast<const uint16_t*>(untouched.data());
      for (int64_t i = 0; i < 32 * kDim; ++i) {
        const int64_t d = key ? i / 32 : i % kDim, token = key ? i % 32 : i / kDim;
        if (variant().storage == KvStorage::F32) {
          ASSERT_EQ(block[static_cast<size_t>(i)],
                    token == slot ? std::bit_cast<uint32_t>(row[static_cast<size_t>(d)]) : 0xdeadbeefu);
        } else {
          ASSERT_EQ(halves[i], token != slot ? clean[i]
                               : d == 0      ? 0x7bff
                               : d == 3      ? 0xfbff
                                             : f32_to_f16(row[static_cast<size_t>(d)]));
        }
      }
      for (size_t i = 32 * kDim; i < block.size(); ++i) ASSERT_EQ(block[i], 0xdeadbeefu);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllVariants, Attention, testing::ValuesIn(tested_variants()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace slm::kernels::attention_test
