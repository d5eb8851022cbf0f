// SPDX-License-Identifier: Apache-2.0
// A run goes on from a checkpoint as if it had not stopped; a whole one is there at every moment.
#include "slm/train/checkpoint.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <utility>

#include "slm/core/finite.h"
#include "slm/io/json.h"
#include "slm/io/sha256.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/tiny_run.h"

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

class Checkpoints : public testing::Test {
 protected:
  CheckpointOptions options(int64_t keep = 2) {
    return {.folder = folder_.path() / "checkpoints", .keep = keep, .identity = {{"seed", "11"}, {"scheme", "w4g32"}}};
  }
  static RunOptions tiny() {
    return {.scheme = WeightScheme::W4G32, .kd_weight = 0.5, .accumulate = 2, .teacher = "qwen2_untied"};
  }
  /// A value that tells this checkpoint's weights from another's.
  static void mark(TinyRun& run, float value) { run.model.values()[0] = value; }
  static float mark_of(TinyRun& run) { return run.model.values()[0]; }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(options().folder)) found.push_back(entry.path().filename());
    std::ranges::sort(found);
    return found;
  }
  /// Another one that was written so: what it holds is wrong, not damaged.
  static void seal(const fs::path& step) {
    std::string sums;
    for (const char* name : {"weights.safetensors", "moments.safetensors", "state.json"}) {
      Sha256 hash;
      hash.update(*MappedFile::open(step / name));
      sums += hash.hex() + "  " + name + "\n";
    }
    std::ofstream(step / "sha256sums") << sums;
  }
  TemporaryFolder folder_;
};

TEST_F(Checkpoints, GoOnAsIfNothingHadStopped) {
  TinyRun whole(tiny());
  whole.steps(9);
  TinyRun first(tiny());
  first.steps(4);
  save_checkpoint(options(), first.trainer);
  TinyRun second(tiny());
  ASSERT_TRUE(load_checkpoint(options(), second.trainer));
  EXPECT_EQ(second.trainer.steps_done(), 4);
  second.steps(5);
  EXPECT_EQ(second.values(), whole.values());
}

TEST_F(Checkpoints, TheLastFewStay) {
  TinyRun training(tiny());
  EXPECT_FALSE(load_checkpoint(options(), training.trainer));
  for (int i = 0; i < 4; ++i) {
    training.steps(1);
    save_checkpoint(options(), training.trainer);
    if (i < 3) remove_oldest_checkpoints(options());
  }
  EXPECT_EQ(checkpoint_steps(options()), (std::vector<int64_t>{2, 3, 4})) << "4 has not proven good";
  remove_oldest_checkpoints(options());
  EXPECT_EQ(names(), (std::vector<std::string>{"step-00000003", "step-00000004"}));
}

TEST_F(Checkpoints, ANewRunTakesThePlaceOfALaterStep) {
  TinyRun before(tiny()), after(tiny());
  before.steps(4);
  save_checkpoint(options(1), before.trainer);
  after.steps(1);
  save_checkpoint(options(1), after.trainer);
  mark(after, 1.5F);
  save_checkpoint(options(1), after.trainer);
  EXPECT_EQ(names(), std::vector<std::string>{"step-00000001"});
  TinyRun again(tiny());
  ASSERT_TRUE(load_checkpoint(options(1), again.trainer));
  EXPECT_EQ(mark_of(again), 1.5F);
  EXPECT_EQ(again.trainer.steps_done(), 1);
}

TEST_F(Checkpoints, AWholeOneIsThereAtEveryMoment) {
  TinyRun training(tiny());
  training.steps(1);
  save_checkpoint(options(1), training.trainer);
  int renames = 0, without = 0;
  after_rename = [&] { ++renames, without += checkpoint_steps(options(1)).empty() ? 1 : 0; };
  save_checkpoint(options(1), training.trainer);
  training.steps(1);
  save_checkpoint(options(1), training.trainer);
  after_rename = {};
  EXPECT_EQ(without, 0);
  EXPECT_GE(renames, 3) << "the measure measures";
}

TEST_F(Checkpoints, OneMovedAsideCountsUntilTheOtherIsThere) {
  TinyRun training(tiny());
  training.steps(1);
  mark(training, 1.0F);
  const fs::path step = save_checkpoint(options(), training.trainer);
  const fs::path aside = step.string() + ".replaced";
  const auto loaded = [&] {
    TinyRun again(tiny());
    EXPECT_TRUE(load_checkpoint(options(), again.trainer));
    return mark_of(again);
  };
  fs::rename(step, aside);
  fs::create_directory(step.string() + ".unfinished");
  EXPECT_EQ(loaded(), 1.0F);
  fs::copy(aside, folder_.path() / "kept", fs::copy_options::recursive);
  mark(training, 2.0F);
  save_checkpoint(options(), training.trainer);
  EXPECT_EQ(names(), std::vector<std::string>{"step-00000001"});
  fs::rename(folder_.path() / "kept", aside);
  EXPECT_EQ(loaded(), 2.0F);
  training.steps(1);
  save_checkpoint(options(), training.trainer);
  EXPECT_EQ(names(), (std::vector<std::string>{"step-00000001", "step-00000002"}));
}

TEST_F(Checkpoints, AnUnfinishedOneIsNotReadAndGoesWithTheNextSave) {
  TinyRun training(tiny());
  training.steps(2);
  const fs::path whole = save_checkpoint(options(), training.trainer);
  fs::copy(whole, whole.parent_path() / "step-00000009.unfinished", fs::copy_options::recursive);
  TinyRun again(tiny());
  ASSERT_TRUE(load_checkpoint(options(), again.trainer));
  EXPECT_EQ(again.trainer.steps_done(), 2);
  again.steps(1);
  save_checkpoint(options(), again.trainer);
  EXPECT_EQ(names(), (std::vector<std::string>{"step-00000002", "step-00000003"}));
}

TEST_F(Checkpoints, WhatElseLiesThereIsItsOwners) {
  TinyRun training(tiny());
  training.steps(1);
  mark(training, 1.0F);
  const fs::path step = save_checkpoint(options(1), training.trainer);
  const fs::path copy = step.string() + ".bak", notes = step.parent_path() / "step-notes.txt";
  fs::copy(step, copy, fs::copy_options::recursive);
  std::ofstream(notes) << "mine";
  std::ofstream(step.parent_path() / "step-00000007") << "a file, too";
  EXPECT_EQ(checkpoint_steps(options(1)), std::vector<int64_t>{1});
  TinyRun again(tiny());
  ASSERT_TRUE(load_checkpoint(options(1), again.trainer));
  EXPECT_EQ(mark_of(again), 1.0F);
  training.steps(1);
  save_checkpoint(options(1), training.trainer);
  remove_oldest_checkpoints(options(1));
  EXPECT_EQ(names(),
            (std::vector<std::string>{"step-00000001.bak", "step-00000002", "step-00000007", "step-notes.txt"}));
}

TEST_F(Checkpoints, RangesOfInputsAreOnesToGoOnFrom) {
  const RunOptions of_static = {.scheme = WeightScheme::W8C,
                                .static_inputs = StaticInputOptions{.delay = 1, .decay = 0.9}};
  TinyRun training(of_static);
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer), state = step / "state.json";
  const Json whole = parse_json_file(state.string());
  const std::string linear = "model.layers.0.mlp.up_proj.weight";
  const auto refuses = [&](const std::string& name, const Json& range, std::string_view part) {
    Json changed = whole;
    changed.at("input_ranges")[name] = range;
    std::ofstream(state) << changed;
    seal(step);
    TinyRun again(of_static);
    expect_error<FormatError>([&] { load_checkpoint(options(), again.trainer); }, {"state.json", name, part});
  };
  refuses(linear, {1.0, -1.0, 0.5}, "from 1 to -1");
  refuses(linear, {-1.0, 1.0, 0.0}, "weight 0");
  refuses(linear, {-1.0, 1.0}, "2 numbers");
  refuses("model.layers.9.mlp.up_proj.weight", {-1.0, 1.0, 0.5}, "has not");
}

TEST_F(Checkpoints, DamagedOrForeignOnesAreRefusedByName) {
  TinyRun training(tiny());
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer);
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

TEST_F(Checkpoints, AreRefusedWhereABitIsOtherThanItWasWritten) {
  TinyRun training(tiny());
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer);
  TinyRun again(tiny());
  const auto refused = [&](std::string_view name, std::string_view part) {
    expect_error<FormatError>([&] { load_checkpoint(options(), again.trainer); }, {name, part});
    expect_error<FormatError>([&] { check_checkpoint(options()); }, {name, part});
  };
  const auto flip = [&](const char* name, int64_t offset) {
    std::fstream file(step / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset, offset < 0 ? std::ios::end : std::ios::beg);
    const std::streampos at = file.tellg();
    const char changed = static_cast<char>(file.get() ^ 1);
    file.seekp(at).put(changed);
  };
  const std::string state = read_file(step / "state.json");
  for (const auto& [name, offset] : {std::pair<const char*, int64_t>{"weights.safetensors", -4},
                                     {"moments.safetensors", -4},
                                     {"state.json", static_cast<int64_t>(state.find("\"sequence\": ")) + 12}}) {
    flip(name, offset);
    refused(name, "damaged");
    flip(name, offset);
  }
  const std::string sums = read_file(step / "sha256sums");
  fs::remove(step / "sha256sums");
  refused("sha256sums", "missing");
  const auto with_sums = [&](const std::string& text) { std::ofstream(step / "sha256sums") << text; };
  std::string other = sums;
  other[3] = other[3] == '0' ? '1' : '0';
  with_sums(other);
  refused("weights.safetensors", "sha256sums says " + other.substr(0, 64));
  with_sums(sums.substr(0, sums.find("state.json")));
  refused("sha256sums", "no line of 64 digits, two spaces and state.json");
  with_sums(sums);
  EXPECT_TRUE(load_checkpoint(options(), again.trainer)) << "whole again";
  seal(step);
  EXPECT_EQ(read_file(step / "sha256sums"), sums);
}

TEST_F(Checkpoints, KnowWhatWasMeasuredOnThem) {
  EXPECT_EQ(measured_at_checkpoint(options()), Measurements{});
  TinyRun training(tiny());
  training.steps(1);
  save_checkpoint(options(), training.trainer, {{"perplexity", 12.345678901234567}});
  EXPECT_EQ(measured_at_checkpoint(options()), (Measurements{{"perplexity", 12.345678901234567}}));
  training.steps(1);
  save_checkpoint(options(), training.trainer);
  EXPECT_EQ(measured_at_checkpoint(options()), Measurements{}) << "the newest";
}

TEST_F(Checkpoints, HoldFiniteValuesOnly) {
  TinyRun training(tiny());
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer);
  const Parameter& p = training.model.parameter("model.norm.weight");
  for (const std::span<float> values :
       {p.value, training.trainer.optimizer().first_moment(p), training.trainer.optimizer().second_moment(p)})
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      const float kept = std::exchange(values[3], bad);
      training.trainer.optimizer().set_steps(2);
      expect_error<NotFiniteError>([&] { save_checkpoint(options(), training.trainer); }, {"model.norm.weight"});
      EXPECT_EQ(names(), std::vector<std::string>{"step-00000001"});
      values[3] = kept;
    }
  std::fstream file(step / "weights.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-4, std::ios::end);
  file.write("\0\0\x80\x7f", 4);  // infinity
  file.close();
  seal(step);
  TinyRun again(tiny());
  expect_error<FormatError>([&] { load_checkpoint(options(), again.trainer); }, {"weights.safetensors", "inf"});
}

}  // namespace
}  // namespace slm
