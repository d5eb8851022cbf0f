// SPDX-License-Identifier: Apache-2.0
// What you train is what you ship: at every linear of the decoder, on the tape's inputs, the packed model has the same
// weights, the same codes, and the same output within the bound of a float sum (numerics N4).
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

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
  RecordProperty("worst", std::to_string(executor.worst()));
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
