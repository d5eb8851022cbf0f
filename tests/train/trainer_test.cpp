// SPDX-License-Identifier: Apache-2.0
// The trainer on a tiny model: it learns, guided or not; it goes on from a checkpoint as if it had not stopped; it refuses
// what it cannot do.
#include "slm/train/trainer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <utility>

#include "slm/core/finite.h"
#include "slm/core/rng.h"
#include "slm/train/checkpoint.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_paths.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/threads.h"

namespace {

/// While set, called after every rename of this process: a kill may come there.
std::function<void()> after_rename;

}  // namespace

// In the place of the C library's.
extern "C" int rename(const char* from, const char* to) noexcept {
  const int result = renameat(AT_FDCWD, from, AT_FDCWD, to);
  if (after_rename) after_rename();
  return result;
}

namespace slm {
namespace {

namespace fs = std::filesystem;

std::vector<Document> documents() {
  Rng rng(3);
  std::vector<Document> all(6);
  for (Document& document : all) {
    const auto length = 5 + rng.below(20);
    for (uint64_t i = 0; i < length; ++i) {
      document.ids.push_back(static_cast<int32_t>(rng.below(40)));
      document.is_target.push_back(i > 0 ? 1 : 0);
    }
  }
  return all;
}

struct RunOptions {
  std::optional<WeightScheme> scheme = {};
  double kd_weight = 0.0;
  double peak = 1e-3;
  int64_t accumulate = 1;
  int64_t qat_start = 0;
  std::vector<std::string> freeze = {};
  const char* teacher = "qwen2_tied";
  std::optional<StaticInputOptions> static_inputs = {};
};

/// A model and everything that trains it.
struct TinyRun {
  explicit TinyRun(const RunOptions& o)
      : model(ModelFiles::open(test::tiny_models() / "qwen2_tied"),
              {.quantizer = o.scheme ? std::optional(SchemePlan{.weights = *o.scheme, .keep_fp = {}}) : std::nullopt,
               .freeze = o.freeze}),
        batcher(pack_documents(documents(), 16), 2, 11),
        teacher(std::make_shared<const Model>(
                    load_model(test::tiny_models() / o.teacher, {.plan = {.weights = WeightScheme::F32}})),
                16, 7),
        trainer(model, batcher, &teacher,
                {.schedule = {.peak = o.peak, .decay = LrDecay::Constant, .steps = 100},
                 .accumulate = o.accumulate,
                 .qat_start = o.qat_start,
                 .static_inputs = o.static_inputs,
                 .loss = {.kd_weight = o.kd_weight, .temperature = 2.0, .kd_vocab = 320, .chunk_rows = 7}}) {}

  std::vector<double> steps(int count) {
    std::vector<double> losses;
    for (int i = 0; i < count; ++i) losses.push_back(trainer.step().loss);
    return losses;
  }
  std::vector<float> values() { return {model.values().begin(), model.values().end()}; }

  TrainableModel model;
  Batcher batcher;
  Teacher teacher;
  Trainer trainer;
};

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
  // One step of two batches has the gradient of one batch of both: documents differ in length, so means of means do not.
  TinyRun apart({.accumulate = 2}), together({});
  Batcher both(pack_documents(documents(), 16), 4, 11);
  Trainer whole(together.model, both, nullptr, {.schedule = {.peak = 1e-3, .decay = LrDecay::Constant, .steps = 100}});
  const StepReport a = apart.trainer.step(), b = whole.step();
  EXPECT_EQ(a.targets, b.targets);
  EXPECT_NEAR(a.loss, b.loss, 1e-6 * b.loss);
  EXPECT_NEAR(a.grad_norm, b.grad_norm, 1e-5 * b.grad_norm);
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

class Checkpoints : public testing::Test {
 protected:
  CheckpointOptions options(int64_t keep = 2) {
    return {.folder = folder_.path() / "checkpoints", .keep = keep, .identity = {{"seed", "11"}, {"scheme", "w4g32"}}};
  }
  static RunOptions tiny() {
    return {.scheme = WeightScheme::W4G32, .kd_weight = 0.5, .accumulate = 2, .teacher = "qwen2_untied"};
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(options().folder)) found.push_back(entry.path().filename());
    std::ranges::sort(found);
    return found;
  }
  TemporaryFolder folder_;
};

TEST_F(Checkpoints, GoOnAsIfNothingHadStopped) {
  TinyRun whole(tiny());
  whole.steps(9);
  TinyRun first(tiny());
  first.steps(4);
  save_checkpoint(options(), first.trainer, {{"best", "1.5"}});
  TinyRun second(tiny());
  const std::optional<CheckpointNotes> notes = load_checkpoint(options(), second.trainer);
  ASSERT_TRUE(notes);
  EXPECT_EQ(notes->at("best"), "1.5");
  EXPECT_EQ(second.trainer.steps_done(), 4);
  second.steps(5);
  EXPECT_EQ(second.values(), whole.values());
}

TEST_F(Checkpoints, TheLastFewStay) {
  TinyRun training(tiny());
  EXPECT_FALSE(load_checkpoint(options(), training.trainer));
  for (int i = 0; i < 4; ++i) {
    training.steps(1);
    save_checkpoint(options(), training.trainer, {});
    if (i < 3) remove_oldest_checkpoints(options());
  }
  EXPECT_EQ(checkpoint_steps(options()), (std::vector<int64_t>{2, 3, 4})) << "4 has not proven good";
  remove_oldest_checkpoints(options());
  EXPECT_EQ(names(), (std::vector<std::string>{"step-00000003", "step-00000004"}));
}

TEST_F(Checkpoints, ANewRunTakesThePlaceOfALaterStep) {
  TinyRun before(tiny()), after(tiny());
  before.steps(4);
  save_checkpoint(options(1), before.trainer, {});
  after.steps(1);
  save_checkpoint(options(1), after.trainer, {});
  save_checkpoint(options(1), after.trainer, {{"again", "yes"}});
  EXPECT_EQ(names(), std::vector<std::string>{"step-00000001"});
  TinyRun again(tiny());
  const std::optional<CheckpointNotes> notes = load_checkpoint(options(1), again.trainer);
  ASSERT_TRUE(notes);
  EXPECT_TRUE(notes->contains("again"));
  EXPECT_EQ(again.trainer.steps_done(), 1);
}

TEST_F(Checkpoints, AWholeOneIsThereAtEveryMoment) {
  TinyRun training(tiny());
  training.steps(1);
  save_checkpoint(options(1), training.trainer, {});
  int renames = 0, without = 0;
  after_rename = [&] { ++renames, without += checkpoint_steps(options(1)).empty() ? 1 : 0; };
  save_checkpoint(options(1), training.trainer, {{"again", "yes"}});
  training.steps(1);
  save_checkpoint(options(1), training.trainer, {});
  after_rename = {};
  EXPECT_EQ(without, 0);
  EXPECT_GE(renames, 3) << "the measure measures";
}

TEST_F(Checkpoints, OneMovedAsideCountsUntilTheOtherIsThere) {
  TinyRun training(tiny());
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer, {{"which", "first"}});
  const fs::path aside = step.string() + ".replaced";
  const auto loaded = [&] {
    TinyRun again(tiny());
    return load_checkpoint(options(), again.trainer).value().at("which");
  };
  fs::rename(step, aside);
  fs::create_directory(step.string() + ".unfinished");
  EXPECT_EQ(loaded(), "first");
  fs::copy(aside, folder_.path() / "kept", fs::copy_options::recursive);
  save_checkpoint(options(), training.trainer, {{"which", "second"}});
  EXPECT_EQ(names(), std::vector<std::string>{"step-00000001"});
  fs::rename(folder_.path() / "kept", aside);
  EXPECT_EQ(loaded(), "second");
  training.steps(1);
  save_checkpoint(options(), training.trainer, {{"which", "third"}});
  EXPECT_EQ(names(), (std::vector<std::string>{"step-00000001", "step-00000002"}));
}

TEST_F(Checkpoints, AnUnfinishedOneIsNotReadAndGoesWithTheNextSave) {
  TinyRun training(tiny());
  training.steps(2);
  const fs::path whole = save_checkpoint(options(), training.trainer, {});
  fs::copy(whole, whole.parent_path() / "step-00000009.unfinished", fs::copy_options::recursive);
  TinyRun again(tiny());
  ASSERT_TRUE(load_checkpoint(options(), again.trainer));
  EXPECT_EQ(again.trainer.steps_done(), 2);
  again.steps(1);
  save_checkpoint(options(), again.trainer, {});
  EXPECT_EQ(names(), (std::vector<std::string>{"step-00000002", "step-00000003"}));
}

TEST_F(Checkpoints, DamagedOrForeignOnesAreRefusedByName) {
  TinyRun training(tiny());
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer, {});
  TinyRun other(tiny());
  CheckpointOptions foreign = options();
  foreign.identity["seed"] = "12";
  expect_error<FormatError>([&] { load_checkpoint(foreign, other.trainer); }, {"state.json", "seed", "11", "12"});
  foreign = options();
  foreign.identity["mode"] = "qat";
  expect_error<FormatError>([&] { load_checkpoint(foreign, other.trainer); }, {"mode", "missing"});
  for (const char* name : {"weights.safetensors", "moments.safetensors", "state.json"}) {
    fs::copy(step, folder_.path() / "kept", fs::copy_options::recursive);
    fs::resize_file(step / name, fs::file_size(step / name) / 2);
    expect_error<FormatError>([&] { load_checkpoint(options(), other.trainer); }, {name});
    fs::remove_all(step);
    fs::rename(folder_.path() / "kept", step);
  }
  TinyRun frozen({.freeze = {"model.norm.weight"}});
  expect_error<FormatError>([&] { load_checkpoint(options(), frozen.trainer); }, {"weights.safetensors", "tensors"});
  EXPECT_TRUE(load_checkpoint(options(), other.trainer)) << "whole again";
}

TEST_F(Checkpoints, HoldFiniteValuesOnly) {
  TinyRun training(tiny());
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer, {});
  const Parameter& p = training.model.parameter("model.norm.weight");
  for (const std::span<float> values :
       {p.value, training.trainer.optimizer().first_moment(p), training.trainer.optimizer().second_moment(p)})
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      const float kept = std::exchange(values[3], bad);
      training.trainer.optimizer().set_steps(2);
      expect_error<NotFiniteError>([&] { save_checkpoint(options(), training.trainer, {}); }, {"model.norm.weight"});
      EXPECT_EQ(names(), std::vector<std::string>{"step-00000001"});
      values[3] = kept;
    }
  std::fstream file(step / "weights.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-4, std::ios::end);
  file.write("\0\0\x80\x7f", 4);  // infinity
  file.close();
  TinyRun again(tiny());
  expect_error<FormatError>([&] { load_checkpoint(options(), again.trainer); }, {"weights.safetensors", "inf"});
}

TEST_F(Checkpoints, WhatDoesNotFitOnTheDiskIsSaidBefore) {
  EXPECT_NO_THROW(check_free_space(options().folder, 1000));
  expect_error<IoError>([&] { check_free_space(options().folder, uint64_t{1} << 60); }, {"need", "free"});
}

}  // namespace
}  // namespace slm
