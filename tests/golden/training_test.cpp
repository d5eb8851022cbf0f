// SPDX-License-Identifier: Apache-2.0
// Steps of the trainer on tiny models against PyTorch in float64 (make_training_references.py): loss, the gradient of
// every parameter, ten losses of AdamW; with quantizers in the loop; with a teacher.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "slm/io/json.h"
#include "slm/io/safetensors.h"
#include "slm/model/load.h"
#include "slm/model/tape_executor.h"
#include "slm/runtime/session.h"
#include "slm/train/trainer.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

constexpr int32_t kIgnored = -100;

std::filesystem::path data() { return test::tiny_models().parent_path() / "training"; }

template <class Applies>
std::vector<Json> cases_where(const Applies& applies) {
  std::vector<Json> chosen;
  const Json all = parse_json_file(data() / "training.json");
  for (const Json& c : all.at("cases"))
    if (applies(c)) chosen.push_back(c);
  return chosen;
}

/// A case's model and batch in a Trainer, without a limit on the gradient's norm.
class ReferenceRun {
 public:
  explicit ReferenceRun(const Json& c, const AdamwOptions& adamw = {}, double learning_rate = 1e-3)
      : model_(ModelFiles::open(test::tiny_models() / c.at("student").get<std::string>()), options(c)),
        batcher_({sequence(c)}, 1, 0) {
    TrainerOptions options{
        .schedule = {.peak = learning_rate, .decay = LrDecay::Constant, .steps = 10}, .adamw = adamw, .clip = 0.0};
    options.loss.kd_weight = c.at("kd_weight").get<double>();
    options.loss.temperature = c.at("temperature").get<double>();
    options.loss.kd_vocab = c.at("kd_vocab").get<int64_t>();
    options.loss.chunk_rows = 5;  // several chunks
    if (!c.at("teacher").is_null())
      teacher_.emplace(
          std::make_shared<const Model>(load_model(test::tiny_models() / c.at("teacher").get<std::string>(),
                                                   {.plan = {.weights = WeightScheme::F32}})),
          batcher_.longest_batch_rows(), options.loss.chunk_rows);
    trainer_.emplace(model_, batcher_, teacher_ ? &*teacher_ : nullptr, options);
  }

  double step() { return trainer_->step().loss; }
  /// Gradients of the last step.
  TrainableModel& model() { return model_; }

 private:
  static TrainableOptions options(const Json& c) {
    if (c.at("scheme").is_null()) return {};
    return {.quantizer = SchemePlan{.weights = parse_weight_scheme(c.at("scheme").get<std::string>()), .keep_fp = {}},
            .freeze = {}};
  }
  static PackedSequence sequence(const Json& c) {
    PackedSequence rows;
    for (const Json& document : c.at("documents")) {
      const auto ids = document.at("ids").get<std::vector<int32_t>>();
      const auto labels = document.at("labels").get<std::vector<int32_t>>();
      for (size_t i = 0; i < ids.size(); ++i)
        rows.push_back({.token = ids[i],
                        .position = static_cast<int32_t>(i),
                        .label = labels[i] == kIgnored ? kNoLabel : labels[i]});
    }
    return rows;
  }

  TrainableModel model_;
  Batcher batcher_;
  std::optional<Teacher> teacher_;
  std::optional<Trainer> trainer_;
};

class Training : public testing::TestWithParam<Json> {};
class TrainingOfTenSteps : public Training {};
class TrainingInFloats : public Training {};

TEST_P(Training, LossAndEveryGradientEqualPyTorch) {
  ReferenceRun run(GetParam());
  const double expected = GetParam().at("loss").get<double>();
  EXPECT_NEAR(run.step(), expected, 1e-6 * expected);
  size_t compared = 0;
  double worst = 0;
  for (const StoredTensor& tensor :
       read_safetensors(data() / (GetParam().at("name").get<std::string>() + ".safetensors"))) {
    const std::span<const float> wanted = tensor.tensor.as<float>(), found = run.model().parameter(tensor.name).grad;
    ASSERT_EQ(found.size(), wanted.size()) << tensor.name;
    double difference = 0, magnitude = 0;
    for (size_t i = 0; i < wanted.size(); ++i) {
      difference += std::pow(static_cast<double>(found[i]) - static_cast<double>(wanted[i]), 2);
      magnitude += std::pow(static_cast<double>(wanted[i]), 2);
    }
    EXPECT_LE(std::sqrt(difference / magnitude), 1e-5) << tensor.name;
    worst = std::max(worst, std::sqrt(difference / magnitude));
    ++compared;
  }
  EXPECT_EQ(compared, run.model().parameters().size());
  RecordProperty("worst", std::to_string(worst));
}

TEST_P(TrainingOfTenSteps, LossesOfAdamwEqualPyTorch) {
  const Json& wanted = GetParam().at("adamw");
  ReferenceRun run(GetParam(),
                   {.beta1 = wanted.at("beta1"),
                    .beta2 = wanted.at("beta2"),
                    .eps = wanted.at("eps"),
                    .weight_decay = wanted.at("weight_decay")},
                   wanted.at("learning_rate"));
  const auto losses = wanted.at("losses").get<std::vector<double>>();
  for (const double expected : losses) EXPECT_NEAR(run.step(), expected, 1e-5 * expected);
  EXPECT_LT(losses.back(), 0.9 * losses.front()) << "ten steps that change little tell little";
}

TEST_P(TrainingInFloats, TapeForwardEqualsTheRuntimes) {
  const std::string student = GetParam().at("student").get<std::string>();
  const TrainableModel model(ModelFiles::open(test::tiny_models() / student));
  Tape tape;
  TapeExecutor executor(model.config(), tape);
  const auto ids = GetParam().at("documents").at(0).at("ids").get<std::vector<int32_t>>();
  std::vector<TrainRow> rows;
  std::vector<int32_t> all;
  for (const int32_t id : ids) {
    all.push_back(static_cast<int32_t>(rows.size()));
    rows.push_back({id, static_cast<int32_t>(rows.size())});
  }
  executor.begin(rows);
  const Variable logits = head(executor, model.weights(), hidden(executor, model.weights()), all);
  Session session(std::make_shared<const Model>(
                      load_model(test::tiny_models() / student, {.plan = {.weights = WeightScheme::F32}})),
                  {.context = 64, .kv = kernels::KvStorage::F32});
  int64_t compared = 0;
  session.append(ids, [&](int64_t row, std::span<const float> expected) {
    ++compared;
    const std::vector<float> found(logits.value().row(row), logits.value().row(row) + logits.columns());
    EXPECT_EQ(found, std::vector<float>(expected.begin(), expected.end())) << "the same kernels, the same bits";
  });
  EXPECT_EQ(compared, std::ssize(ids));
}

std::string case_name(const testing::TestParamInfo<Json>& tested) { return tested.param.at("name"); }

INSTANTIATE_TEST_SUITE_P(, Training, testing::ValuesIn(cases_where([](const Json&) { return true; })), case_name);
INSTANTIATE_TEST_SUITE_P(, TrainingOfTenSteps,
                         testing::ValuesIn(cases_where([](const Json& c) { return c.contains("adamw"); })), case_name);
/// Without a quantizer: the runtime's integer kernels round otherwise (N4).
INSTANTIATE_TEST_SUITE_P(, TrainingInFloats,
                         testing::ValuesIn(cases_where([](const Json& c) { return c.at("scheme").is_null(); })),
                         case_name);

}  // namespace
}  // namespace slm
