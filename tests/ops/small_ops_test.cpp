// SPDX-License-Identifier: Apache-2.0
// RoPE, embedding, attention and the row-wise operations against their formulas in f64, at the level ops/ adds:
// rows, heads, threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "slm/core/rng.h"
#include "slm/kernels/vec/variants.h"
#include "slm/ops/attention.h"
#include "slm/ops/embedding.h"
#include "slm/ops/residual.h"
#include "slm/ops/rms_norm.h"
#include "slm/ops/rope.h"
#include "slm/ops/swiglu.h"
#include "slm/quant/rows.h"
#include "tests/kernels/attention_reference.h"
#include "tests/support/bounds.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

const kernels::VecVariant& vec() { return kernels::select(kernels::vec_variants()); }

std::vector<float> normal(int64_t count, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = rng.normal();
  return values;
}

// Rows and columns that fill a block of the scratch, some more, and fewer.
TEST(Swiglu, OfItsLinearsHasTheBitsOfLinearAndSwiglu) {
  for (const WeightScheme scheme : {WeightScheme::F32, WeightScheme::W8C, WeightScheme::W8G32, WeightScheme::W4G32})
    for (const auto& [rows, width] :
         {std::pair<int64_t, int64_t>{1, 192}, {3, 64}, {130, 192}, {521, 128}, {7, 5440}}) {
      constexpr int64_t kDepth = 64;
      const std::vector<float> values = normal(2 * width * kDepth, 7), x = normal(rows * kDepth, 8);
      Tensor tensor = Tensor::zeros(Dtype::F32, {2 * width, kDepth});
      std::ranges::copy(values, tensor.mutable_as<float>().begin());
      const MatrixSource source{.tensor = tensor};
      const PackedMatrix w = pack(scheme, std::span(&source, 1));
      ASSERT_TRUE(fuses_swiglu(w)) << w.variant().name;
      LinearInput input(vec(), rows, kDepth);
      std::vector<float> both(static_cast<size_t>(rows * 2 * width)), expected(static_cast<size_t>(rows * width));
      const MatrixView parts{both.data(), rows, 2 * width, 2 * width}, y{expected.data(), rows, width, width};
      input.set({x.data(), rows, kDepth, kDepth});
      linear_into(input, w, {}, parts);
      swiglu_into(vec(), parts.column_range(0, width), parts.column_range(width, 2 * width), y);

      std::vector<float> scratch(static_cast<size_t>(num_threads() * kSwigluScratch)), fused(expected.size(), 99);
      const MatrixView z{fused.data(), rows, width, width};
      swiglu_linear_into(vec(), input, w, scratch, z);
      EXPECT_EQ(fused, expected) << name(scheme) << ' ' << rows << " rows";
      std::ranges::fill(fused, 99.0f);
      swiglu_linear_into(vec(), input, w, std::span(scratch).first(kSwigluScratch), z);
      EXPECT_EQ(fused, expected) << "with room for one thread";
      EXPECT_THROW(swiglu_linear_into(vec(), input, w, std::span(scratch).first(kSwigluScratch - 1), z), ArgumentError);
      EXPECT_THROW(swiglu_linear_into(vec(), input, w, scratch, z.column_range(0, width - 1)), ArgumentError);
    }
}

TEST(Swiglu, LeavesPanelsThatHoldGateAndUpToLinear) {
  const MatrixSource source{.tensor = Tensor::zeros(Dtype::F32, {2 * 72, 32})};
  const PackedMatrix w = pack(WeightScheme::W8G32, std::span(&source, 1));
  EXPECT_FALSE(fuses_swiglu(w));
  const std::vector<float> x(32, 1.0f);
  std::vector<float> y(72), scratch(static_cast<size_t>(num_threads() * kSwigluScratch));
  LinearInput input(vec(), 1, 32);
  input.set({x.data(), 1, 32, 32});
  EXPECT_THROW(swiglu_linear_into(vec(), input, w, scratch, {y.data(), 1, 72, 72}), ArgumentError);
}

TEST(Rope, RotatesEveryHeadByItsPosition) {
  constexpr int64_t kRows = 20, kHeads = 3, kDim = 16;
  const double theta = 1e6;
  std::vector<float> x = normal(kRows * kHeads * kDim, 1);
  const std::vector<float> before = x;
  std::vector<int32_t> positions;
  for (int32_t r = 0; r < kRows; ++r) positions.push_back(r * 37);
  RopeAngles angles(kDim, theta, kRows);
  angles.set(positions);
  rope_(vec(), angles, kDim, {x.data(), kRows, kHeads * kDim, kHeads * kDim});
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t h = 0; h < kHeads; ++h)
      for (int64_t i = 0; i < kDim / 2; ++i) {
        const size_t low = static_cast<size_t>((r * kHeads + h) * kDim + i), high = low + kDim / 2;
        const double angle = positions[static_cast<size_t>(r)] * std::pow(theta, -2.0 * static_cast<double>(i) / kDim);
        const double a = static_cast<double>(before[low]), b = static_cast<double>(before[high]);
        // float32 frequencies: the angle is off by a few ulp of itself
        const double bound = (std::abs(a) + std::abs(b)) * (6 * bounds::kUnit * std::abs(angle) + 4 * bounds::kUnit);
        EXPECT_NEAR(static_cast<double>(x[low]), a * std::cos(angle) - b * std::sin(angle), bound);
        EXPECT_NEAR(static_cast<double>(x[high]), b * std::cos(angle) + a * std::sin(angle), bound);
      }
}

TEST(Embedding, ReadsRowsOfAnyScheme) {
  Tensor w = Tensor::zeros(Dtype::F32, {50, 64});
  const std::vector<float> values = normal(50 * 64, 2);
  std::copy(values.begin(), values.end(), w.mutable_as<float>().begin());
  const MatrixSource source{.tensor = w};
  for (const WeightSchemeInfo& scheme : weight_schemes()) {
    const PackedMatrix table = pack(scheme.scheme, std::span(&source, 1));
    std::vector<std::byte> scratch(row_bytes(scheme.scheme, 64));
    std::vector<float> y(3 * 64), expected(64);
    embedding_into(table, std::vector<int32_t>{49, 0, 17}, scratch, {y.data(), 3, 64, 64});
    table.decode_row(17, scratch, expected);
    EXPECT_EQ(std::vector<float>(y.begin() + 128, y.end()), expected) << scheme.name;
    EXPECT_THROW(embedding_into(table, std::vector<int32_t>{1, 50, 2}, scratch, {y.data(), 3, 64, 64}), ArgumentError);
    EXPECT_THROW(embedding_into(table, std::vector<int32_t>{-1}, scratch, {y.data(), 1, 64, 64}), ArgumentError);
  }
}

TEST(RowOperations, ActOnViewsAndLeaveTheRestAlone) {
  constexpr int64_t kRows = 37, kColumns = 24, kStride = 32;
  const std::vector<float> x = normal(kRows * kStride, 3), up = normal(kRows * kStride, 4), w = normal(kColumns, 5);
  std::vector<float> norm(x.size(), 99), gated(x.size(), 99), sum = x;
  rms_norm_into(vec(), {x.data(), kRows, kColumns, kStride}, w, 1e-6f, {norm.data(), kRows, kColumns, kStride});
  swiglu_into(vec(), {x.data(), kRows, kColumns, kStride}, {up.data(), kRows, kColumns, kStride},
              {gated.data(), kRows, kColumns, kStride});
  add_(vec(), {sum.data(), kRows, kColumns, kStride}, {up.data(), kRows, kColumns, kStride});
  for (int64_t r = 0; r < kRows; ++r) {
    double squares = 0;
    for (int64_t c = 0; c < kColumns; ++c)
      squares += std::pow(static_cast<double>(x[static_cast<size_t>(r * kStride + c)]), 2);
    const double factor = 1 / std::sqrt(squares / kColumns + 1e-6);
    for (int64_t c = 0; c < kStride; ++c) {
      const size_t i = static_cast<size_t>(r * kStride + c);
      const double value = static_cast<double>(x[i]), other = static_cast<double>(up[i]);
      if (c >= kColumns) {
        EXPECT_TRUE(norm[i] == 99 && gated[i] == 99 && sum[i] == x[i]);
        continue;
      }
      const double normed = value * factor * static_cast<double>(w[static_cast<size_t>(c)]);
      const double swish = value / (1 + std::exp(-value)) * other;
      // As in vec_test: 1/rms made in double and rounded once, two products; and an exponential of 2 ulp (4 roundings
      // at most), a sum, a division, two products. The tenth is for the sum in double and terms of second order.
      EXPECT_NEAR(static_cast<double>(norm[i]), normed, bounds::relative(normed, 3.1));
      EXPECT_NEAR(static_cast<double>(gated[i]), swish, bounds::relative(swish, 8.1));
      EXPECT_EQ(sum[i], x[i] + up[i]);
    }
  }
  EXPECT_THROW(rms_norm_into(vec(), {x.data(), 1, 24, 32}, std::span(w).first(23), 1e-6f, {norm.data(), 1, 24, 32}),
               ArgumentError);
}

TEST(Attention, EqualsSoftmaxOverWhatEachRowMaySee) {
  constexpr int64_t kRows = 41, kHeads = 6, kKvHeads = 2, kDim = 24, kKeys = 75;
  const kernels::AttentionVariant& variant = kernels::select(kernels::attention_variants(kernels::KvStorage::F32));
  const std::vector<float> q = normal(kRows * kHeads * kDim, 6), k = normal(kKeys * kKvHeads * kDim, 7),
                           v = normal(kKeys * kKvHeads * kDim, 8);
  constexpr int64_t kBlocks = 3, kBlockFloats = kernels::kKvBlockTokens * kDim;
  std::vector<float> k_blocks(kKvHeads * kBlocks * kBlockFloats), v_blocks(k_blocks.size());
  for (int64_t t = 0; t < kKeys; ++t)
    for (int64_t h = 0; h < kKvHeads; ++h) {
      const int64_t block = (h * kBlocks + t / 32) * kBlockFloats;
      variant.store_k({k.data() + (t * kKvHeads + h) * kDim, kDim, k_blocks.data() + block, t % 32});
      variant.store_v({v.data() + (t * kKvHeads + h) * kDim, kDim, v_blocks.data() + block, t % 32});
    }
  std::vector<int32_t> begin, end;
  for (int32_t r = 0; r < kRows; ++r) {
    begin.push_back(r % 5 == 0 ? r : 0);  // some rows see a window only
    end.push_back(r + 35);
  }
  const float scale = 0.2f;
  std::vector<float> first;
  for (const int threads : {1, 3}) {
    const test::ScopedThreads scope(threads);
    std::vector<float> out(q.size()), scratch(static_cast<size_t>(kernels::attention_scratch_floats(kDim) * threads));
    attention_into(
        variant, {kHeads, kKvHeads, kDim, scale}, {q.data(), kRows, kHeads * kDim, kHeads * kDim},
        {reinterpret_cast<const std::byte*>(k_blocks.data()), reinterpret_cast<const std::byte*>(v_blocks.data()),
         kBlocks * kBlockFloats * static_cast<int64_t>(sizeof(float))},
        begin, end, scratch, {out.data(), kRows, kHeads * kDim, kHeads * kDim});
    if (first.empty()) first = out;
    EXPECT_EQ(out, first) << "threads change bits";
    EXPECT_THROW(
        attention_into(variant, {kHeads, kKvHeads, kDim, scale}, {q.data(), kRows, kHeads * kDim, kHeads * kDim}, {},
                       begin, end, std::span(scratch).first(8), {out.data(), kRows, kHeads * kDim, kHeads * kDim}),
        ArgumentError);
  }
  double worst = 0;
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t h = 0; h < kHeads; ++h) {
      const int64_t kv = h / (kHeads / kKvHeads), from = begin[static_cast<size_t>(r)];
      const auto stored = [&](const std::vector<float>& x) {
        return [&, from](int64_t t, int64_t d) {
          return static_cast<double>(x[static_cast<size_t>(((from + t) * kKvHeads + kv) * kDim + d)]);
        };
      };
      const auto [expected, bound] = test::attention_reference(
          q.data() + (r * kHeads + h) * kDim, scale, kDim, end[static_cast<size_t>(r)] - from, stored(k), stored(v));
      for (size_t d = 0; d < kDim; ++d) {
        const auto actual = static_cast<double>(first[static_cast<size_t>((r * kHeads + h) * kDim) + d]);
        EXPECT_NEAR(actual, expected[d], bound[d]) << "row " << r << " head " << h << " channel " << d;
        worst = std::max(worst, std::abs(actual - expected[d]) / bound[d]);
      }
    }
  EXPECT_GT(worst, 0.02) << "a bound that no error comes near tells nothing";
}

}  // namespace
}  // namespace slm
