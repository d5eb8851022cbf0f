// SPDX-License-Identifier: Apache-2.0
// What you train is what you ship: at every linear of the decoder, on the tape's inputs, the packed model has the same
// weights, the same codes and the same output, and end to end the same logits, bit for bit.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "slm/model/runtime_executor.h"
#include "tests/support/model_paths.h"
#include "tests/support/shipping_executor.h"

namespace slm {
namespace {

using Case = std::tuple<const char*, const char*>;

class TrainIsShip : public testing::TestWithParam<Case> {
 protected:
  std::vector<TrainRow> rows() const {
    std::vector<TrainRow> rows;
    for (const int32_t length : {9, 1, 5})
      for (int32_t i = 0; i < length; ++i) rows.push_back({.token = (7 * length + 31 * i) % 300, .position = i});
    return rows;
  }
  const std::filesystem::path path = test::tiny_models() / std::get<0>(GetParam());
  const SchemePlan plan = {.weights = parse_weight_scheme(std::get<1>(GetParam())), .keep_fp = {}};
};

TEST_P(TrainIsShip, AtEveryLinear) {
  const ModelFiles files = ModelFiles::open(path);
  TrainableModel trained(files, {.quantizer = plan, .freeze = {}});
  const Model shipped = load_model(files, {.plan = plan});
  Tape tape;
  test::ShippingExecutor executor(trained, shipped, tape);
  executor.begin(rows());
  const std::vector<int32_t> wanted = {3, 8, 14};
  head(executor, trained.weights(), hidden(executor, trained.weights()), wanted);
  EXPECT_GT(executor.compared(), 1000);
  EXPECT_EQ(executor.groups(), 4 * trained.config().layers + 1);
  RecordProperty("worst", std::to_string(executor.worst()));
}

std::vector<int32_t> all_of(std::span<const TrainRow> rows) {
  std::vector<int32_t> all(rows.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// The packed model's logits of all rows, each document a sequence of its own.
std::vector<float> logits_of(const Model& model, std::span<const TrainRow> rows) {
  std::vector<BatchRow> batch;
  int32_t sequence = -1;
  for (const TrainRow& row : rows) {
    if (row.position == 0) ++sequence;
    batch.push_back({row.token, sequence, row.position});
  }
  KvCache cache(model.config, {.capacity = 16, .sequences = sequence + 1, .storage = kernels::KvStorage::F32});
  RuntimeExecutor executor(model.config, cache, {.max_rows = std::ssize(rows), .max_logit_rows = std::ssize(rows)});
  executor.begin(batch);
  const MatrixView y = head(executor, model.weights, hidden(executor, model.weights), all_of(rows));
  return {y.data, y.data + y.rows * y.columns};
}

/// The tape's logits of all rows.
std::vector<float> logits_of(TapeExecutor& executor, const TrainableModel& model, std::span<const TrainRow> rows) {
  executor.begin(rows);
  const Variable y = head(executor, model.weights(), hidden(executor, model.weights()), all_of(rows));
  return {y.value().data, y.value().data + y.rows() * y.columns()};
}

TEST_P(TrainIsShip, EndToEnd) {
  const ModelFiles files = ModelFiles::open(path);
  const TrainableModel trained(files, {.quantizer = plan, .freeze = {}});
  Tape tape;
  TapeExecutor executor(trained.config(), tape);
  EXPECT_EQ(logits_of(executor, trained, rows()), logits_of(load_model(files, {.plan = plan}), rows()));
}

TEST_P(TrainIsShip, EndToEndWithMatricesKept) {
  const ModelFiles files = ModelFiles::open(path);
  const SchemePlan kept = {.weights = plan.weights, .keep_fp = {"model.layers.0.*", "*.k_proj.weight"}};
  const TrainableModel trained(files, {.quantizer = kept, .freeze = {}});
  Tape tape;
  TapeExecutor executor(trained.config(), tape);
  EXPECT_EQ(logits_of(executor, trained, rows()), logits_of(load_model(files, {.plan = kept}), rows()));
}

/// Of the schemes that quantize a linear's input.
class TrainIsShipOfStaticInputs : public TrainIsShip {};

TEST_P(TrainIsShipOfStaticInputs, AtEveryLinear) {
  ASSERT_NE(info(*plan.weights).activations, ActivationScheme::F32);
  const ModelFiles files = ModelFiles::open(path);
  TrainableModel trained(files, {.quantizer = plan, .freeze = {}});
  Tape tape;
  TapeExecutor seeing(trained.config(), tape);
  seeing.observe_inputs(0.9);
  seeing.begin(rows());
  hidden(seeing, trained.weights());
  tape.clear();
  StaticInputs inputs;
  for (const auto& [name, observer] : seeing.observers()) inputs.emplace(name, observer.params());
  ASSERT_EQ(std::ssize(inputs), 7 * trained.config().layers) << "every linear of the blocks";

  const ModelFiles values =
      files.with_values([&](const std::string& name) { return trained.parameter(name).value; }, inputs);
  const Model shipped = load_model(values, {.plan = plan});
  test::ShippingExecutor executor(trained, shipped, tape);
  executor.observers() = seeing.observers();
  executor.set_static_inputs(true);
  executor.begin(rows());
  const std::vector<int32_t> wanted = {3, 8, 14};
  head(executor, trained.weights(), hidden(executor, trained.weights()), wanted);
  EXPECT_GT(executor.compared(), 1000);
  EXPECT_EQ(executor.groups(), 4 * trained.config().layers + 1);

  TapeExecutor plain(trained.config(), tape);
  plain.observers() = seeing.observers();
  plain.set_static_inputs(true);
  EXPECT_EQ(logits_of(plain, trained, rows()), logits_of(shipped, rows()));
}

constexpr std::array kModels = {"qwen2_tied", "qwen2_untied", "llama_tied"};
constexpr std::array kSchemes = {"f32",  // the one that leaves a linear's input as it is comes first
                                 "w8c", "w8g32", "w4g32", "w4g32a", "w2g32", "w5g32",
                                 "w4c", "w6cz",  "w8t",   "w3g32z", "w2g32a"};

std::string name_of(const testing::TestParamInfo<Case>& tested) {
  return std::string(std::get<0>(tested.param)) + "_" + std::get<1>(tested.param);
}

INSTANTIATE_TEST_SUITE_P(, TrainIsShip, testing::Combine(testing::ValuesIn(kModels), testing::ValuesIn(kSchemes)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(, TrainIsShipOfStaticInputs,
                         testing::Combine(testing::ValuesIn(kModels),
                                          testing::ValuesIn(kSchemes.begin() + 1, kSchemes.end())),
                         name_of);

}  // namespace
}  // namespace slm
