// SPDX-License-Identifier: Apache-2.0
// Training steps of the tiny models against PyTorch in float64 (make_training_references.py): loss, the gradient of every
// parameter, ten losses of AdamW; with quantizers in the loop; with a teacher.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "slm/io/json.h"
#include "slm/io/safetensors.h"
#include "slm/kernels/vec/variants.h"
#include "slm/model/load.h"
#include "slm/model/tape_executor.h"
#include "slm/ops/head_loss.h"
#include "slm/runtime/session.h"
#include "slm/train/adamw.h"
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

/// A case's model and batch, and one pass over them.
class Step {
 public:
  explicit Step(const Json& c)
      : case_(c), model_(ModelFiles::open(test::tiny_models() / c.at("student").get<std::string>()), options(c)) {
    for (const Json& document : c.at("documents")) {
      const auto ids = document.at("ids").get<std::vector<int32_t>>();
      const auto labels = document.at("labels").get<std::vector<int32_t>>();
      for (size_t i = 0; i < ids.size(); ++i) {
        if (labels[i] != kIgnored) {
          targets_.push_back(static_cast<int32_t>(rows_.size()));
          labels_.push_back(labels[i]);
        }
        rows_.push_back({ids[i], static_cast<int32_t>(i)});
      }
    }
    loss_options_.kd_weight = c.at("kd_weight").get<double>();
    loss_options_.temperature = c.at("temperature").get<double>();
    loss_options_.kd_vocab = c.at("kd_vocab").get<int64_t>();
    loss_options_.chunk_rows = 5;  // several chunks
    if (!c.at("teacher").is_null()) run_teacher(c.at("teacher").get<std::string>());
  }

  /// Loss; gradients are added to the model's.
  double run() {
    model_.zero_grads();
    executor_.begin(rows_);
    const TrainedWeights& weights = model_.weights();
    const Parameter& table = *weights.head_table();
    const autograd::LinearInput x =
        executor_.linear_input(head_input(executor_, weights, hidden(executor_, weights), targets_), table);
    const HeadLoss loss = head_loss_grad(
        scratch_, logits_, kernels::select(kernels::vec_variants()), *executor_.view(table), x.input(), labels_,
        [this](int64_t begin, int64_t end) { return teacher_rows(begin, end); }, loss_options_,
        1.0 / static_cast<double>(labels_.size()), x.values.grad(), table.grad_matrix());
    tape_.backward();
    for (const Parameter& p : model_.parameters())
      if (p.scheme) executor_.view(p)->mask_clipped_(p.grad);
    return loss.mean(loss_options_);
  }

  TrainableModel& model() { return model_; }

 private:
  static TrainableOptions options(const Json& c) {
    if (c.at("scheme").is_null()) return {};
    return {.quantizer = SchemePlan{.weights = parse_weight_scheme(c.at("scheme").get<std::string>()), .keep_fp = {}},
            .freeze = {}};
  }

  void run_teacher(const std::string& name) {
    const auto teacher =
        std::make_shared<const Model>(load_model(test::tiny_models() / name, {.plan = {.weights = WeightScheme::F32}}));
    Session session(teacher, {.context = 64, .kv = kernels::KvStorage::F32, .max_rows = 64, .max_logit_rows = 1});
    size_t row = 0;
    for (const Json& document : case_.at("documents")) {
      session.truncate(0);
      const auto ids = document.at("ids").get<std::vector<int32_t>>();
      session.append(ids, [&](int64_t, std::span<const float> logits) {
        if (std::ranges::find(targets_, static_cast<int32_t>(row++)) != targets_.end())
          teacher_.insert(teacher_.end(), logits.begin(), logits.end());
      });
    }
  }
  ConstMatrixView teacher_rows(int64_t begin, int64_t end) const {
    const int64_t vocab = std::ssize(teacher_) / std::ssize(targets_);
    return {teacher_.data() + begin * vocab, end - begin, vocab, vocab};
  }

  const Json case_;
  TrainableModel model_;
  Tape tape_;
  TapeExecutor executor_{model_.config(), tape_};
  GemmScratch scratch_;
  AlignedBuffer logits_;
  std::vector<TrainRow> rows_;
  std::vector<int32_t> targets_, labels_;
  std::vector<float> teacher_;
  HeadLossOptions loss_options_;
};

class Training : public testing::TestWithParam<Json> {};
class TrainingOfTenSteps : public Training {};
class TrainingInFloats : public Training {};

TEST_P(Training, LossAndEveryGradientEqualPyTorch) {
  Step step(GetParam());
  const double expected = GetParam().at("loss").get<double>();
  EXPECT_NEAR(step.run(), expected, 1e-6 * expected);
  size_t compared = 0;
  double worst = 0;
  for (const StoredTensor& tensor :
       read_safetensors(data() / (GetParam().at("name").get<std::string>() + ".safetensors"))) {
    const std::span<const float> wanted = tensor.tensor.as<float>(), found = step.model().parameter(tensor.name).grad;
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
  EXPECT_EQ(compared, step.model().parameters().size());
  RecordProperty("worst", std::to_string(worst));
}

TEST_P(TrainingOfTenSteps, LossesOfAdamwEqualPyTorch) {
  const Json& wanted = GetParam().at("adamw");
  Step step(GetParam());
  Adamw optimizer(step.model(), {.beta1 = wanted.at("beta1"),
                                 .beta2 = wanted.at("beta2"),
                                 .eps = wanted.at("eps"),
                                 .weight_decay = wanted.at("weight_decay")});
  const auto losses = wanted.at("losses").get<std::vector<double>>();
  for (const double expected : losses) {
    EXPECT_NEAR(step.run(), expected, 1e-5 * expected);
    optimizer.step(wanted.at("learning_rate"));
  }
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
