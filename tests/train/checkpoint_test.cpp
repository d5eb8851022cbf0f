// SPDX-License-Identifier: Apache-2.0
// A run goes on from a checkpoint as if it had not stopped; a whole one is there at every moment.
#include "slm/train/checkpoint.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <functional>
#include <utility>

#include "tests/train/checkpoints.h"

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

}  // namespace
}  // namespace slm
