// SPDX-License-Identifier: Apache-2.0
// A run of qat_kd_train that is stopped, killed or meets a full disk goes on to the same bits, alone in its folder.
#include "slm/core/rng.h"
#include "tests/programs/training_run.h"

namespace slm::test {
namespace {

TEST_F(Train, SurvivesBeingKilledAtAnyTime) {
  const Words more = {"--steps", "40",       "--accumulate",     "2", "--checkpoint-every",
                      "4",       "--resume", "--validate-every", "2"};
  ASSERT_EQ(run("qat_kd_train", words("qat_kd", "whole", more)).exit_code, 0);
  // An unfinished checkpoint that this process began: older ones lie there until the next is written.
  const auto writes_since = [&](fs::file_time_type start) {
    const Words names = checkpoints("killed");
    return std::ranges::any_of(names, [&](const std::string& name) {
      std::error_code error;  // it may have its last name by now
      const auto written = fs::last_write_time(folder_.path() / "killed/checkpoints" / name, error);
      return name.ends_with(".unfinished") && !error && written > start;
    });
  };
  Rng rng(5);
  int kills = 0, inside_a_write = 0, rounds = 0;
  for (int longest_ms = 400; kills < 30; ++rounds) {
    ASSERT_LT(rounds, 60) << "killed " << kills << " times only: the test tells nothing";
    fs::remove_all(out("killed"));
    const int before = kills;
    for (Ran ran;;) {
      const fs::file_time_type start = fs::file_time_type::clock::now();
      Process process("qat_kd_train", words("qat_kd", "killed", more), {});
      if (kills % 2 == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(rng.below(longest_ms)));
      } else {
        while (!process.ended() && !writes_since(start)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      process.interrupt(SIGKILL);
      ran = process.wait();
      if (!ran.by_signal) {
        ASSERT_EQ(ran.exit_code, 0) << ran.err;
        break;
      }
      ++kills;
      inside_a_write += writes_since(start) ? 1 : 0;
    }
    if (kills == before) longest_ms = std::max(1, longest_ms / 2);  // on a fast machine kills must come earlier
    EXPECT_EQ(shipped("killed"), shipped("whole")) << "after " << kills << " kills";
    EXPECT_EQ(metrics("killed"), metrics("whole")) << "each step and each validation once";
    EXPECT_EQ(best("killed"), best("whole"));
  }
  EXPECT_GE(inside_a_write, 3) << "of " << kills;
  RecordProperty("kills", kills);
  RecordProperty("inside_a_write", inside_a_write);
  RecordProperty("runs", rounds);
}

TEST_F(Train, SavesACheckpointOnASignalHoweverOftenItIsSentAtOnce) {
  const Words more = {"--steps", "120", "--checkpoint-every", "0", "--resume"};
  Ran ran;
  for (const int signal_number : {SIGINT, SIGTERM}) {
    Process process("qat_kd_train", words("qat", "stopped", more), {});
    const fs::path metrics = folder_.path() / "stopped/metrics.jsonl";
    const auto steps = [&] { return std::ranges::count(content_of(metrics), '\n'); };
    const auto before = fs::exists(metrics) ? steps() : 0;
    ASSERT_TRUE(process.wait_until([&] { return steps() > before; })) << process.err();
    for (int i = 0; i < 3; ++i) {  // timeout sends two: to the process, and to its group
      process.interrupt(signal_number);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ran = process.wait();
    EXPECT_FALSE(ran.by_signal);
    EXPECT_EQ(ran.exit_code, 128 + signal_number) << ran.err;
    EXPECT_NE(ran.err.find("saved the checkpoint"), std::string::npos) << ran.err;
  }
  const Ran resumed = run("qat_kd_train", words("qat", "stopped", more));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("resumed from"), std::string::npos);
  ASSERT_EQ(run("qat_kd_train", words("qat", "whole", {"--steps", "120", "--checkpoint-every", "0"})).exit_code, 0);
  EXPECT_EQ(shipped("stopped"), shipped("whole"));
}

TEST_F(Train, EndsAtOnceOnASecondRequest) {
  Process process("qat_kd_train", words("qat", "run", {"--steps", "1", "--accumulate", "50000"}), {});
  ASSERT_TRUE(process.wait_until([&] { return process.err().find("packed as") != std::string::npos; }))
      << process.err();
  process.interrupt();
  std::this_thread::sleep_for(std::chrono::milliseconds(2000));
  ASSERT_FALSE(process.ended()) << "a step ends first";
  process.interrupt();
  const Ran ran = process.wait();
  EXPECT_TRUE(ran.by_signal);
  EXPECT_EQ(ran.exit_code, 128 + SIGINT);
}

TEST_F(Train, AFullDiskLeavesTheOlderCheckpoint) {
  const Words more = {"--steps", "100", "--checkpoint-every", "2", "--resume"};
  ASSERT_EQ(run("qat_kd_train", words("qat", "whole", more)).exit_code, 0);
  ASSERT_EQ(run("qat_kd_train", words("qat", "full", more), {.file_size_limit = uint64_t{200} << 10}).exit_code, 1);
  EXPECT_TRUE(fs::is_directory(folder_.path() / "full/checkpoints"));
  EXPECT_EQ(checkpoints("full"), Words{}) << "not even the first fits";
  Process process("qat_kd_train", words("qat", "full", more), {});
  ASSERT_TRUE(process.wait_until([&] { return !whole_checkpoints("full").empty(); })) << process.err();
  process.interrupt(SIGKILL);
  ASSERT_TRUE(process.wait().by_signal) << "it was too fast to be stopped on its way";
  const Words before = checkpoints("full");
  const Ran ran = run("qat_kd_train", words("qat", "full", more), {.file_size_limit = uint64_t{200} << 10});
  expect_error(ran, 1, "File too large");
  for (const std::string& name : checkpoints("full"))
    EXPECT_NE(std::ranges::find(before, name), before.end()) << name << " was not there before";
  EXPECT_FALSE(checkpoints("full").empty());
  const Ran resumed = run("qat_kd_train", words("qat", "full", more));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("resumed from"), std::string::npos) << resumed.err;
  EXPECT_EQ(shipped("full"), shipped("whole"));
}

TEST_F(Train, HasItsFolderForItself) {
  const Words more = {"--steps", "100000", "--checkpoint-every", "0"};
  Process process("qat_kd_train", words("qat", "run", more), {});
  const fs::path metrics = folder_.path() / "run/metrics.jsonl";
  ASSERT_TRUE(process.wait_until([&] { return fs::exists(metrics) && fs::file_size(metrics) > 0; })) << process.err();
  expect_error(run("qat_kd_train", words("qat", "run", more)), 1, "run is in use by another process");
  process.interrupt(SIGKILL);
  EXPECT_TRUE(process.wait().by_signal) << "the first was not disturbed";
  EXPECT_EQ(run("qat_kd_train", words("qat", "run", {"--steps", "1", "--resume"})).exit_code, 0) << "free again";
}

}  // namespace
}  // namespace slm::test
