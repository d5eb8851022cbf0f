// SPDX-License-Identifier: Apache-2.0
// What a step may hold, and several sequences in one. Numbers against transformers: tests/golden.
#include "slm/model/runtime_executor.h"

#include <gtest/gtest.h>

#include "slm/model/load.h"
#include "tests/support/model_paths.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

class Executor2 : public testing::Test {
 protected:
  std::vector<float> logits(RuntimeExecutor& executor, std::span<const BatchRow> batch, int32_t row) {
    executor.begin(batch);
    MatrixView x = embed(executor, model_.weights);
    for (int layer = 0; layer < static_cast<int>(model_.config.layers); ++layer)
      x = block(executor, layer, model_.weights.blocks[static_cast<size_t>(layer)], x);
    const MatrixView y = head(executor, model_.weights, x, std::span(&row, 1));
    return {y.row(0), y.row(0) + y.columns};
  }
  std::vector<float> logits(std::span<const BatchRow> batch, int32_t row) { return logits(executor_, batch, row); }
  /// Logits after `tokens`, alone, in sequence 0.
  std::vector<float> alone(std::span<const int32_t> tokens) {
    std::vector<BatchRow> batch;
    for (const int32_t token : tokens) batch.push_back({token, 0, static_cast<int32_t>(batch.size())});
    return logits(batch, static_cast<int32_t>(batch.size()) - 1);
  }

  Model model_ = load_model(test::tiny_models() / "llama_tied", {.plan = {.weights = WeightScheme::F32}});
  KvCache cache_{model_.config, {.capacity = 64, .sequences = 2, .storage = kernels::KvStorage::F32}};
  RuntimeExecutor executor_{model_.config, cache_, {.max_rows = 8}};
};

TEST_F(Executor2, ServesSequencesInOneStepAsIfEachWereAlone) {
  const std::vector<int32_t> a = {3, 50, 7, 21}, b = {90, 4, 11};
  const std::vector<float> expected_a = alone(a), expected_b = alone(b);
  cache_.set_length(0, 0);
  logits(std::vector<BatchRow>{{3, 0, 0}, {90, 1, 0}, {50, 0, 1}, {4, 1, 1}, {7, 0, 2}}, 0);
  const std::vector<BatchRow> last = {{21, 0, 3}, {11, 1, 2}};
  EXPECT_EQ(logits(last, 0), expected_a);
  EXPECT_EQ(logits(last, 1), expected_b);
  EXPECT_EQ(cache_.length(0), 4);
  EXPECT_EQ(cache_.length(1), 3);
}

TEST_F(Executor2, TwoLongSequencesInOneStepGiveTheBitsOfEachAloneForAnyThreads) {
  const int32_t length = 60;  // two of them: more than one block of the cache for each of three threads
  KvCache cache(model_.config, {.capacity = 64, .sequences = 2, .storage = kernels::KvStorage::F32});
  const auto token = [&](int32_t sequence, int32_t position) {
    return (7 * position + 31 * sequence) % static_cast<int32_t>(model_.config.vocab);
  };
  const auto run = [&](std::span<const BatchRow> batch, int32_t row, int threads) {
    const test::ScopedThreads scope(threads);
    cache.set_length(0, 0);
    cache.set_length(1, 0);
    RuntimeExecutor executor(model_.config, cache, {.max_rows = 2 * length});
    return logits(executor, batch, row);
  };
  std::vector<BatchRow> both;
  for (int32_t position = 0; position < length; ++position)
    for (int32_t sequence : {0, 1}) both.push_back({token(sequence, position), sequence, position});
  for (int32_t sequence : {0, 1}) {
    std::vector<BatchRow> one;
    for (const BatchRow& row : both)
      if (row.sequence == sequence) one.push_back(row);
    const std::vector<float> expected = run(one, length - 1, 1);
    for (const int threads : {1, 3}) EXPECT_EQ(run(both, 2 * (length - 1) + sequence, threads), expected) << threads;
  }
}

TEST_F(Executor2, RefusesStepsThatLeaveTokensOut) {
  const auto refuses = [&](const std::vector<BatchRow>& batch) {
    EXPECT_THROW(executor_.begin(batch), ArgumentError);
    EXPECT_EQ(cache_.length(0), 2) << "what is refused changes nothing";
    EXPECT_EQ(cache_.length(1), 0);
  };
  alone(std::vector<int32_t>{1, 2});
  refuses({});
  refuses(std::vector<BatchRow>(9, BatchRow{1, 0, 2}));
  refuses({{1, 2, 0}});  // sequence
  refuses({{1, -1, 0}});
  refuses({{-1, 0, 2}});  // token
  refuses({{static_cast<int32_t>(model_.config.vocab), 0, 2}});
  refuses({{1, 0, 64}});  // beyond the cache
  refuses({{1, 0, -1}});
  refuses({{1, 0, 3}});  // a gap
  refuses({{1, 1, 1}});
  refuses({{1, 0, 2}, {1, 0, 1}, {1, 0, 0}});  // backwards
  refuses({{1, 0, 2}, {1, 0, 2}});             // twice
  refuses({{1, 1, 0}, {1, 0, 2}, {1, 1, 2}});  // a gap in one of two
  executor_.begin(std::vector<BatchRow>{{1, 0, 1}});
  EXPECT_EQ(cache_.length(0), 2) << "a sequence may go back, and on from there";
}

TEST_F(Executor2, RefusesRowsTheStepDoesNotHave) {
  alone(std::vector<int32_t>{1, 2});
  MatrixView x{nullptr, 2, model_.config.width, model_.config.width};
  const std::vector<int32_t> beyond = {2}, two = {0, 1};
  EXPECT_THROW(executor_.select(x, beyond), ArgumentError);
  EXPECT_THROW(executor_.select(x, two), ArgumentError) << "room for one row of logits";
}

TEST(KvCache, RefusesWhatItCannotHold) {
  const ModelConfig config = load_model(test::tiny_models() / "llama_tied").config;
  EXPECT_THROW(KvCache(config, {.capacity = 0}), ArgumentError);
  EXPECT_THROW(KvCache(config, {.capacity = int64_t{1} << 31}), ArgumentError);
  EXPECT_THROW(KvCache(config, {.capacity = 8, .sequences = 0}), ArgumentError);
  EXPECT_THROW(KvCache(config, {.capacity = 8, .sequences = 1 << 20}), ArgumentError);
  ModelConfig large = config;  // 2^30 tokens take 2^45 bytes: 2^19 times that is 0 in 64 bits
  large.head_dim = 64, large.kv_heads = 8, large.layers = 16;
  EXPECT_EQ(KvCache::bytes(large, {.capacity = 1 << 30}), uint64_t{1} << 45);
  EXPECT_THROW(KvCache(large, {.capacity = 1 << 30, .sequences = 1 << 19}), ArgumentError);
  EXPECT_THROW(KvCache::bytes(large, {.capacity = 1 << 30, .sequences = 2}), ArgumentError);
  KvCache cache(config, {.capacity = 40, .sequences = 2});
  EXPECT_EQ(cache.bytes(), 2 * KvCache::bytes(config, {.capacity = 40}));
  std::vector<float> row(static_cast<size_t>(config.kv_heads * config.head_dim));
  for (const auto& [layer, sequence, position] :
       {std::array<int64_t, 3>{config.layers, 0, 0}, {0, 2, 0}, {0, 0, 40}, {-1, 0, 0}, {0, -1, 0}, {0, 0, -1}})
    EXPECT_THROW(cache.store(layer, sequence, position, row.data(), row.data()), ArgumentError);
  EXPECT_NO_THROW(cache.store(config.layers - 1, 1, 39, row.data(), row.data()));
}

}  // namespace
}  // namespace slm
