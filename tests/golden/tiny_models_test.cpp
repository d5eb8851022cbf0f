// SPDX-License-Identifier: Apache-2.0
// The decoder against transformers on tiny random models: every layer's hidden state and all logits. The truth is
// transformers in float64 (make_tiny_models.py); the bound is that of float32 rounding, see bound().
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <type_traits>

#include "slm/core/dtype.h"
#include "slm/io/json.h"
#include "slm/io/safetensors.h"
#include "slm/model/load.h"
#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

struct Case {
  std::string model;   ///< folder or file under tiny/
  std::string golden;  ///< prefix of its .json and .safetensors
};

class TinyModel : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const std::filesystem::path golden = test::tiny_models() / GetParam().golden;
    const Json json = parse_json_file(golden.string() + ".json");
    ids_ = json.at("ids").get<std::vector<int32_t>>();
    greedy_prompt_ = json.at("greedy").at("prompt_ids").get<std::vector<int32_t>>();
    greedy_ids_ = json.at("greedy").at("ids").get<std::vector<int32_t>>();
    greedy_margins_ = json.at("greedy").at("margins").get<std::vector<double>>();
    for (StoredTensor& tensor : read_safetensors(golden.string() + ".safetensors"))
      tensors_[tensor.name] = tensor.tensor.clone();
    model_ = std::make_shared<Model>(
        load_model(test::tiny_models() / GetParam().model, {.plan = {.weights = WeightScheme::F32}}));
  }

  /// Rounding of a float32 forward pass up to a layer, as a share of the largest value there: a sum of K products is
  /// off by √K·ε of its magnitude (random signs), a block has seven of them in sequence, and each layer adds its own.
  double bound(int64_t layers, std::span<const float> reference) const {
    double largest = 0;
    for (const float value : reference) largest = std::max(largest, std::abs(static_cast<double>(value)));
    const double epsilon = std::numeric_limits<float>::epsilon() / 2;
    const double k = static_cast<double>(std::max(model_->config.width, model_->config.ffn));
    return 7 * std::sqrt(k) * epsilon * static_cast<double>(layers + 1) * largest;
  }

  void expect_near(ConstMatrixView actual, const std::string& name, int64_t layers) const {
    const std::span<const float> expected = tensors_.at(name).as<float>();
    ASSERT_EQ(std::ssize(expected), actual.rows * actual.columns) << name;
    double worst = 0;
    for (int64_t r = 0; r < actual.rows; ++r)
      for (int64_t c = 0; c < actual.columns; ++c)
        worst = std::max(worst, std::abs(static_cast<double>(actual.row(r)[c]) -
                                         static_cast<double>(expected[static_cast<size_t>(r * actual.columns + c)])));
    EXPECT_LE(worst, bound(layers, expected)) << name;
    RecordProperty(name, std::to_string(worst / bound(layers, expected)));
  }

  /// The rows of one sequence from position 0.
  static std::vector<BatchRow> sequence(int32_t number, std::span<const int32_t> ids) {
    std::vector<BatchRow> rows;
    for (const int32_t id : ids) rows.push_back({id, number, static_cast<int32_t>(rows.size())});
    return rows;
  }

  std::vector<int32_t> every_row() const {
    std::vector<int32_t> rows(ids_.size());
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
  }

  std::vector<int32_t> ids_, greedy_prompt_, greedy_ids_;
  std::vector<double> greedy_margins_;
  std::map<std::string, Tensor> tensors_;
  std::shared_ptr<Model> model_;
};

TEST_P(TinyModel, HiddenStatesAndLogitsEqualTransformers) {
  const int64_t rows = std::ssize(ids_);
  KvCache cache(model_->config, {.capacity = rows, .storage = kernels::KvStorage::F32});
  RuntimeExecutor run(model_->config, cache, {.max_rows = rows, .max_logit_rows = rows});
  run.begin(sequence(0, ids_));
  MatrixView x = embed(run, model_->weights);
  const bool has_hidden = tensors_.contains("hidden.0");
  if (has_hidden) expect_near(x, "hidden.0", 0);
  for (int64_t i = 0; i < model_->config.layers; ++i) {
    x = block(run, static_cast<int>(i), model_->weights.blocks[static_cast<size_t>(i)], x);
    if (has_hidden) expect_near(x, "hidden." + std::to_string(i + 1), i + 1);
  }
  expect_near(head(run, model_->weights, x, every_row()), "logits", model_->config.layers + 1);
}

TEST_P(TinyModel, CachedEqualsFullForward) {
  // Kernels keep one summation order whatever the rows of a step, so every split gives the same bits.
  const auto logits = [&](int64_t max_rows, std::span<const int64_t> cuts) {
    Session session(
        model_,
        {.context = std::ssize(ids_), .kv = kernels::KvStorage::F32, .max_rows = max_rows, .max_logit_rows = 3});
    std::vector<float> all;
    size_t begin = 0;
    for (const int64_t cut : cuts) {
      session.append(std::span(ids_).subspan(begin, static_cast<size_t>(cut) - begin),
                     [&](int64_t, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); });
      begin = static_cast<size_t>(cut);
    }
    return all;
  };
  const int64_t n = std::ssize(ids_);
  std::vector<int64_t> one_by_one;
  for (int64_t i = 1; i <= n; ++i) one_by_one.push_back(i);
  const std::vector<float> full = logits(n, std::array{n});
  EXPECT_EQ(full, logits(5, std::array{n}));
  EXPECT_EQ(full, logits(n, std::array{int64_t{3}, int64_t{4}, n}));
  EXPECT_EQ(full, logits(1, one_by_one));
}

TEST_P(TinyModel, TruncateForgets) {
  Session session(model_, {.context = 64, .kv = kernels::KvStorage::F32});
  const std::span<const float> first = session.append(ids_);
  const std::vector<float> expected(first.begin(), first.end());
  session.truncate(5);
  session.append(greedy_ids_);
  session.truncate(5);
  const std::span<const float> again = session.append(std::span(ids_).subspan(5));
  EXPECT_TRUE(std::equal(again.begin(), again.end(), expected.begin()));
}

TEST_P(TinyModel, SequencesOfOneBatchDoNotSeeEachOther) {
  KvCache cache(model_->config, {.capacity = 32, .sequences = 2, .storage = kernels::KvStorage::F32});
  RuntimeExecutor run(model_->config, cache, {.max_rows = 32, .max_logit_rows = 2});
  std::vector<BatchRow> batch = sequence(1, std::span(ids_).first(6));
  for (const BatchRow& row : sequence(0, std::span(ids_).subspan(3, 9))) batch.push_back(row);
  run.begin(batch);
  MatrixView x = embed(run, model_->weights);
  for (int i = 0; i < model_->config.layers; ++i) x = block(run, i, model_->weights.blocks[static_cast<size_t>(i)], x);
  const MatrixView both = head(run, model_->weights, x, std::array{5, 14});
  Session session(model_, {.context = 32, .kv = kernels::KvStorage::F32});
  const std::span<const float> a = session.append(std::span(ids_).first(6));
  EXPECT_TRUE(std::equal(a.begin(), a.end(), both.row(0)));
  session.truncate(0);
  const std::span<const float> b = session.append(std::span(ids_).subspan(3, 9));
  EXPECT_TRUE(std::equal(b.begin(), b.end(), both.row(1)));
}

TEST_P(TinyModel, GreedyTokensEqualTransformers) {
  Session session(model_, {.context = 64, .kv = kernels::KvStorage::F32});
  std::span<const float> logits = session.append(greedy_prompt_);
  for (size_t i = 0; i < greedy_ids_.size(); ++i) {
    if (greedy_margins_[i] < 2e-3) break;  // transformers' own top two are closer than float32 tells apart
    ASSERT_EQ(argmax(logits), greedy_ids_[i]) << "token " << i;
    logits = session.append(std::span(&greedy_ids_[i], 1));
  }
}

/// The decoder with keys and values rounded to halves before a float cache takes them.
struct RoundingExecutor : RuntimeExecutor {
  using RuntimeExecutor::RuntimeExecutor;
  Rows attention(int layer, Rows q, Rows k, Rows v) {
    for (const Rows& rows : {k, v})
      for (int64_t r = 0; r < rows.rows; ++r)
        for (int64_t c = 0; c < rows.columns; ++c) rows.row(r)[c] = f16_to_f32(f32_to_f16(rows.row(r)[c]));
    return RuntimeExecutor::attention(layer, q, k, v);
  }
};

TEST_P(TinyModel, AHalfCacheRoundsKeysAndValuesAndChangesNothingElse) {
  const auto logits = [&]<class E>(std::type_identity<E>, kernels::KvStorage storage) {
    const int64_t rows = std::ssize(ids_);
    KvCache cache(model_->config, {.capacity = rows, .storage = storage});
    E run(model_->config, cache, {.max_rows = rows, .max_logit_rows = rows});
    run.begin(sequence(0, ids_));
    MatrixView x = embed(run, model_->weights);
    for (int i = 0; i < model_->config.layers; ++i)
      x = block(run, i, model_->weights.blocks[static_cast<size_t>(i)], x);
    const MatrixView all = head(run, model_->weights, x, every_row());
    return std::vector<float>(all.row(0), all.row(0) + all.rows * all.columns);
  };
  const std::vector<float> half = logits(std::type_identity<RuntimeExecutor>(), kernels::KvStorage::F16);
  EXPECT_EQ(half, logits(std::type_identity<RoundingExecutor>(), kernels::KvStorage::F32));
  EXPECT_NE(half, logits(std::type_identity<RuntimeExecutor>(), kernels::KvStorage::F32));
}

INSTANTIATE_TEST_SUITE_P(
    , TinyModel,
    testing::Values(Case{"qwen2_tied", "qwen2_tied/golden"}, Case{"qwen2_untied", "qwen2_untied/golden"},
                    Case{"llama_tied", "llama_tied/golden"}, Case{"llama_untied", "llama_untied/golden"},
                    Case{"gguf/llama_tied_f32.gguf", "llama_tied/golden"},
                    Case{"gguf/llama_tied_q8_0.gguf", "gguf/llama_tied_q8_0.golden"},
                    Case{"gguf/qwen2_untied_q4_0.gguf", "gguf/qwen2_untied_q4_0.golden"},
                    Case{"gguf/qwen2_mixed.gguf", "gguf/qwen2_mixed.golden"}),
    [](const auto& param) {
      std::string name = param.param.model;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
      return name;
    });

}  // namespace
}  // namespace slm
