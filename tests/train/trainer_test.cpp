// SPDX-License-Identifier: Apache-2.0
// The trainer on a tiny model: it learns, guided or not; it refuses what it cannot do.
#include "slm/train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/support/expect_error.h"
#include "tests/support/threads.h"
#include "tests/train/tiny_run.h"

namespace slm {
namespace {

TEST(Trainer, LearnsWithAndWithoutQuantizers) {
  for (const std::optional<WeightScheme> scheme :
       {std::optional<WeightScheme>(), std::optional(WeightScheme::W4G32), std::optional(WeightScheme::W8C)}) {
    TinyRun run({.scheme = scheme});
    const std::vector<double> losses = run.steps(30);
    EXPECT_LT(losses.back(), 0.6 * losses.front());
  }
}

TEST(Trainer, OfATeacherThatIsTheStudentThereIsNothingToLearn) {
  TinyRun run({.kd_weight = 1.0});
  const std::vector<float> before = run.values();
  const StepReport report = run.trainer.step();
  EXPECT_NEAR(report.kl, 0.0, 1e-10);
  EXPECT_NEAR(report.loss, 0.0, 1e-10);
  EXPECT_LT(report.grad_norm, 1e-6);
  EXPECT_GT(report.cross_entropy, 1.0) << "which is reported all the same";
  TinyRun guided({.kd_weight = 0.9, .teacher = "qwen2_untied"});
  const double first = guided.trainer.step().kl;
  EXPECT_GT(first, 0.5);
  for (int i = 0; i < 30; ++i) guided.trainer.step();
  EXPECT_LT(guided.trainer.step().kl, 0.5 * first) << "the student comes nearer to its teacher";
}

TEST(Trainer, NormalisesByTheTargetsOfTheWholeStep) {
  // One step of two batches has the gradient of one batch of both: documents differ in length, so means of means do
  // not.
  TinyRun apart({.accumulate = 2}), together({});
  Batcher both(pack_documents(documents(), 16), 4, 11);
  Trainer whole(together.model, both, nullptr, {.schedule = {.peak = 1e-3, .decay = LrDecay::Constant, .steps = 100}});
  const StepReport a = apart.trainer.step(), b = whole.step();
  EXPECT_EQ(a.targets, b.targets);
  EXPECT_NEAR(a.loss, b.loss, 1e-6 * b.loss);
  EXPECT_NEAR(a.grad_norm, b.grad_norm, 1e-5 * b.grad_norm);
}

TEST(Trainer, ClipsTheGradientByItsNorm) {
  TinyRun free({.clip = 0}), clipped({.clip = 0.5}), wide({.clip = 1e6});
  const double norm = free.trainer.step().grad_norm;
  EXPECT_EQ(clipped.trainer.step().grad_norm, norm) << "as it was before";
  EXPECT_EQ(wide.trainer.step().grad_norm, norm);
  ASSERT_GT(norm, 2 * 0.5);
  const std::span<const float> whole = free.model.grads(), cut = clipped.model.grads(), same = wide.model.grads();
  for (size_t i = 0; i < whole.size(); ++i) {
    const double expected = 0.5 / norm * static_cast<double>(whole[i]);
    ASSERT_NEAR(cut[i], expected, 0x1p-23 * std::abs(expected)) << i;  // the factor's rounding and the product's
    ASSERT_EQ(same[i], whole[i]) << i;
  }
}

TEST(Trainer, StepsAtTheRateOfItsSchedule) {
  // Adam's first step moves a weight that does not decay by the rate: here a quarter of the peak, of a warm-up of four.
  TinyRun run({.peak = 1e-3, .decay = LrDecay::Cosine, .warmup = 4});
  const std::span<const float> norm = run.model.parameter("model.norm.weight").value;
  const std::vector<float> before(norm.begin(), norm.end());
  EXPECT_DOUBLE_EQ(run.trainer.step().learning_rate, 0.25e-3);
  double most = 0;
  for (size_t i = 0; i < before.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(norm[i]) - static_cast<double>(before[i])));
  EXPECT_NEAR(most, 0.25e-3, 0x1p-22);  // roundings of a weight of about 1
  for (int64_t step = 2; step <= 9; ++step)
    EXPECT_DOUBLE_EQ(run.trainer.step().learning_rate, run.trainer.options().schedule.at(step));
}

TEST(Trainer, StartsQuantizersWhenAsked) {
  TinyRun plain({}), late({.scheme = WeightScheme::W4G32, .qat_start = 2}), early({.scheme = WeightScheme::W4G32});
  const std::vector<double> of_plain = plain.steps(3), of_late = late.steps(3), of_early = early.steps(3);
  EXPECT_EQ(of_late[0], of_plain[0]);
  EXPECT_EQ(of_late[1], of_plain[1]);
  EXPECT_NE(of_late[2], of_plain[2]);
  EXPECT_NE(of_early[0], of_plain[0]);
}

TEST(Trainer, AveragesStaticInputsFromTheStartAndUsesThemAfterTheDelay) {
  const auto with = [](int64_t delay) {
    return TinyRun({.scheme = WeightScheme::W8C, .static_inputs = StaticInputOptions{.delay = delay, .decay = 0.9}});
  };
  TinyRun late = with(2), early = with(0), never = with(100);
  const std::vector<double> of_late = late.steps(4), of_early = early.steps(4), of_never = never.steps(4);
  EXPECT_EQ(of_late[0], of_never[0]);
  EXPECT_EQ(of_late[1], of_never[1]);
  EXPECT_NE(of_late[2], of_never[2]);
  EXPECT_NE(of_early[0], of_never[0]);
  EXPECT_EQ(std::ssize(late.trainer.static_inputs()), 7 * late.model.config().layers);
  EXPECT_TRUE(TinyRun({.scheme = WeightScheme::W8C}).trainer.static_inputs().empty());
  const std::vector<double> more = early.steps(30);
  EXPECT_LT(more.back(), 0.7 * of_early.front()) << "it learns";
  EXPECT_THROW(with(-1), ArgumentError);
}

TEST(Trainer, LeavesFrozenParametersAsTheyAre) {
  TinyRun run({.freeze = {"model.layers.0.*", "model.norm.weight"}});
  const std::vector<float> before = run.values();
  run.steps(2);
  for (const Parameter& p : run.model.parameters()) {
    const auto offset = static_cast<size_t>(p.value.data() - run.model.values().data());
    const bool same = std::memcmp(before.data() + offset, p.value.data(), p.value.size_bytes()) == 0;
    EXPECT_EQ(same, p.frozen()) << p.name;
    EXPECT_EQ(p.frozen(), p.name.starts_with("model.layers.0.") || p.name == "model.norm.weight") << p.name;
  }
  EXPECT_THROW(TinyRun({.freeze = {"model.layers.9.*"}}), ArgumentError);
}

TEST(Trainer, AFrozenTiedEmbeddingStaysBothAsEmbeddingAndAsHead) {
  TinyRun run({.scheme = WeightScheme::W4G32, .freeze = {"model.embed_tokens.weight"}});
  const Parameter& table = run.model.parameter("model.embed_tokens.weight");
  const std::vector<float> before(table.value.begin(), table.value.end());
  const std::vector<double> losses = run.steps(30);
  EXPECT_EQ(std::vector<float>(table.value.begin(), table.value.end()), before);
  EXPECT_LT(losses.back(), 0.9 * losses.front()) << "the rest learns";
}

TEST(Trainer, IsTheSameForAnyNumberOfThreads) {
  std::vector<float> first;
  for (const int threads : {1, 2, 3}) {
    const test::ScopedThreads scope(threads);
    TinyRun run({.scheme = WeightScheme::W4G32, .kd_weight = 0.5, .teacher = "qwen2_untied"});
    run.steps(3);
    if (first.empty()) first = run.values();
    EXPECT_EQ(run.values(), first) << threads;
  }
}

TEST(Trainer, StopsWhereTheLossIsNoNumber) {
  TinyRun run({.peak = 1e30});
  try {
    for (int i = 0; i < 20; ++i) run.trainer.step();
    FAIL() << "went on";
  } catch (const DivergedError& error) {
    EXPECT_NE(std::string(error.what()).find(fmt::format("step {}", run.trainer.steps_done() + 1)), std::string::npos)
        << error.what();
  }
}

TEST(Trainer, StopsInTheSameWayWhereAQuantizerMeetsNoNumber) {
  const auto with_static_inputs = [](int64_t delay) {
    return RunOptions{.scheme = WeightScheme::W8C, .static_inputs = StaticInputOptions{.delay = delay, .decay = 0.9}};
  };
  const char *norm = "model.layers.1.input_layernorm.weight", *weight = "model.layers.1.mlp.down_proj.weight";
  const std::pair<RunOptions, const char*> cases[] = {{with_static_inputs(0), norm},
                                                      {with_static_inputs(5), norm},
                                                      {{.scheme = WeightScheme::W4G32}, norm},
                                                      {{.scheme = WeightScheme::W8C}, norm},
                                                      {{.scheme = WeightScheme::W4G32}, weight},
                                                      {{.scheme = WeightScheme::W8C}, weight}};
  for (const auto& [options, name] : cases) {
    TinyRun run(options);
    run.steps(2);
    run.model.parameter(name).value[3] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> before = run.values();
    expect_error<DivergedError>([&] { run.trainer.step(); }, {"[train] step 3: ", "nan", "expected a finite one"});
    EXPECT_EQ(run.trainer.steps_done(), 2);
    const std::vector<float> after = run.values();
    EXPECT_EQ(std::memcmp(after.data(), before.data(), before.size() * sizeof(float)), 0);
  }
}

TEST(Trainer, RefusesOptionsThatMakeNoSense) {
  TinyRun run({});
  const auto refuses = [&](const TrainerOptions& options) {
    EXPECT_THROW(Trainer(run.model, run.batcher, nullptr, options), ArgumentError);
  };
  refuses({.schedule = {.peak = 0}});
  refuses({.schedule = {.peak = 1, .steps = 0}});
  refuses({.schedule = {.peak = 1}, .accumulate = 0});
  refuses({.schedule = {.peak = 1}, .loss = {.kd_weight = 0.5}});
  refuses({.schedule = {.peak = 1}, .loss = {.kd_weight = 1.5}});
  refuses({.schedule = {.peak = 1}, .loss = {.temperature = 0}});
  refuses({.schedule = {.peak = 1}, .loss = {.chunk_rows = 0}});
  refuses({.schedule = {.peak = 1}, .adamw = {.beta1 = 1.0}});
  EXPECT_THROW(Teacher(nullptr, 16, 7), Error);
}

}  // namespace
}  // namespace slm
