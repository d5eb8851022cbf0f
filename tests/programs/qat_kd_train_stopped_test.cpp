// SPDX-License-Identifier: Apache-2.0
// A run of qat_kd_train that is stopped, killed or meets a full disk goes on from its checkpoints, and from no other's.
#include "slm/core/rng.h"
#include "slm/io/sha256.h"
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

TEST_F(Train, GoesOnFromAWholeCheckpointBesideDamagedMetrics) {
  const Words more = {"--steps", "4", "--checkpoint-every", "2", "--resume"};
  ASSERT_EQ(run("qat_kd_train", words("qat", "run", more)).exit_code, 0);
  const std::string whole = content_of(folder_.path() / "run/metrics.jsonl"), model = shipped("run");
  std::string damaged = whole;
  const size_t second = damaged.find('\n') + 1;
  damaged.replace(second, 8, 8, '\0');  // as a power failure may leave it
  folder_.file("run/metrics.jsonl", damaged);
  const Ran ran = run("qat_kd_train", words("qat", "run", more));
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find("metrics.jsonl"), std::string::npos) << ran.err;
  EXPECT_EQ(content_of(folder_.path() / "run/metrics.jsonl"), whole.substr(0, second));
  EXPECT_EQ(shipped("run"), model);
  Words finished = words("qat", "run", more);
  EXPECT_NE(run("qat_kd_train", finished).out.find("loss – over the last steps"), std::string::npos);
  finished.push_back("--json");
  EXPECT_TRUE(run("qat_kd_train", finished).json().at("loss").is_null());
}

TEST_F(Train, RefusesADamagedCheckpointAndOneOfAnotherRun) {
  const Words more = {"--steps", "4", "--checkpoint-every", "2", "--resume"};
  ASSERT_EQ(run("qat_kd_train", words("qat", "run", more)).exit_code, 0);
  expect_error(run("qat_kd_train", words("qat", "run", {"--steps", "5", "--checkpoint-every", "2", "--resume"})), 1,
               "of another run: steps is 4, this run's is 5");
  if (computes_bf16()) {
    Words other = more;
    other.insert(other.end(), {"--compute", "bf16"});
    expect_error(run("qat_kd_train", words("qat", "run", other)), 1, "of another run: compute is missing");
    ASSERT_EQ(run("qat_kd_train", words("qat", "bf16", other)).exit_code, 0);
    expect_error(run("qat_kd_train", words("qat", "bf16", more)), 1,
                 "of another run: compute is bf16, this run has none");
    EXPECT_EQ(run("qat_kd_train", words("qat", "bf16", other)).exit_code, 0);
  }
  const fs::path weights = folder_.path() / "run/checkpoints/step-00000004/weights.safetensors";
  std::string changed = content_of(weights);
  changed[changed.size() - 4] = static_cast<char>(changed[changed.size() - 4] ^ 1);
  std::ofstream(weights, std::ios::binary) << changed;
  expect_error(run("qat_kd_train", words("qat", "run", more)), 1, "weights.safetensors: [checkpoint] damaged");
  fs::resize_file(weights, fs::file_size(weights) / 2);
  expect_error(run("qat_kd_train", words("qat", "run", more)), 1, "weights.safetensors");
}

TEST_F(Train, KnowsItsModelsByWhatTheyHold) {
  const auto copy = [&](const std::string& model, const std::string& name) {
    fs::copy(tiny_models() / model, folder_.path() / name, fs::copy_options::recursive);
    return out(name);
  };
  const std::string student = copy("qwen2_tied", "student"), teacher = copy("qwen2_untied", "teacher");
  const auto resumed = [&](const std::string& of_student, const std::string& of_teacher) {
    const Words all = words("qat_kd", "run", {"--steps", "4", "--resume"});
    return run("qat_kd_train", set(set(all, "--student", of_student), "--teacher", of_teacher));
  };
  ASSERT_EQ(resumed(student, teacher).exit_code, 0);
  EXPECT_EQ(resumed(copy("qwen2_tied", "moved"), copy("qwen2_untied", "teacher_moved")).exit_code, 0)
      << "the same under other names";
  for (const std::string& model : {student, teacher})
    for (const std::string file :
         {"config.json", model == student ? "model.safetensors" : "model-00002-of-00002.safetensors"}) {
      const std::string kept = content_of(fs::path(model) / file);
      std::string other = kept;
      if (file == "config.json") {
        const std::string before = "\"rope_theta\": ";
        other.replace(other.find(before), before.size(), before + "9");
      } else {
        other[other.size() - 2] = static_cast<char>(other[other.size() - 2] ^ 1);  // a bit of the last weight
      }
      std::ofstream(fs::path(model) / file, std::ios::binary) << other;
      expect_error(resumed(student, teacher), 1,
                   std::string("of another run: ") + (model == student ? "student" : "teacher") + "_sha256 is ");
      std::ofstream(fs::path(model) / file, std::ios::binary) << kept;
    }
  EXPECT_EQ(resumed(student, teacher).exit_code, 0);
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

TEST_F(Train, ThatDivergesKeepsAndNamesTheLastGoodCheckpoint) {
  const auto diverges = [&](const std::string& name, const Words& rest) {
    Words all = words("fp32", name, {"--steps", "40", "--weight-decay", "1", "--warmup", "0", "--resume"});
    all = set(all, "--lr", "10");  // weights grow tenfold each step
    all.insert(all.end(), rest.begin(), rest.end());
    const Ran ran = run("qat_kd_train", all);
    EXPECT_EQ(ran.exit_code, 1);
    return ran.error();
  };
  const std::string error = diverges("run", {"--checkpoint-every", "1"});
  const int64_t last = metrics("run").back().at("step");  // the last of a finite loss: its weights are too large
  ASSERT_GE(last, 2);
  EXPECT_NE(error.find(fmt::format("step {}: loss", last + 1)), std::string::npos) << error;
  EXPECT_NE(error.find(fmt::format("the last good checkpoint is of step {}, that of step {} holds the weights that led "
                                   "to this",
                                   last - 1, last)),
            std::string::npos)
      << error;
  Words kept = checkpoints("run");
  std::ranges::sort(kept);
  EXPECT_EQ(kept, (Words{fmt::format("step-{:08}", last - 1), fmt::format("step-{:08}", last)}));
  EXPECT_EQ(diverges("run", {"--checkpoint-every", "1"}), error) << "resumed";
  const std::string before = fmt::format("{}", last - 1);
  EXPECT_TRUE(
      diverges("before", {"--checkpoint-every", before}).ends_with("the last good checkpoint is of step " + before));
  EXPECT_TRUE(diverges("none", {"--checkpoint-every", "0"}).ends_with("there is no good checkpoint"));
}

TEST_F(Train, DivergesWhereWhatItPacksCannotBeMeasured) {
  for (const auto& [step, why] : {std::pair{2, "perplexity nan"}, {6, "overflows a half"}}) {
    const std::string name = fmt::format("at_{}", step);
    Words all = set(words("fp32", name, {"--steps", "40", "--weight-decay", "1", "--warmup", "0"}), "--lr", "10");
    all.insert(all.end(), {"--checkpoint-every", "1", "--validate-every", fmt::format("{}", step)});
    const Ran ran = run("qat_kd_train", all);
    expect_error(ran, 1, fmt::format("[train] step {}: the model packed as w4g32 cannot be measured: ", step));
    for (const std::string& part : {std::string(why), fmt::format("the last good checkpoint is of step {}", step - 1)})
      EXPECT_NE(ran.error().find(part), std::string::npos) << ran.error();
  }
}

TEST_F(Train, FailsWhereWhatItShipsCannotBeMeasured) {
  Words all = set(words("fp32", "run", {"--steps", "1", "--weight-decay", "1", "--warmup", "0"}), "--lr", "10");
  expect_error(run("qat_kd_train", all), 1, "the run diverged");
}

TEST_F(Train, HasItsFolderForItself) {
  const Words more = {"--steps", "100000", "--checkpoint-every", "0"};
  Process process("qat_kd_train", words("qat", "run", more), {});
  const fs::path metrics = folder_.path() / "run/metrics.jsonl";
  ASSERT_TRUE(process.wait_until([&] { return fs::exists(metrics) && fs::file_size(metrics) > 0; })) << process.err();
  expect_error(run("qat_kd_train", words("qat", "run", more)), 1, "run is in use by another process");
  process.interrupt(SIGKILL);
  EXPECT_TRUE(process.wait().by_signal) << "the first was not disturbed";
  EXPECT_EQ(run("qat_kd_train", words("qat", "run", {"--steps", "1"})).exit_code, 0) << "free again";
}

TEST_F(Train, LosesNothingWhereThereAreNoCheckpointsOnTheWay) {
  const Words more = {"--steps", "4", "--checkpoint-every", "0"};
  ASSERT_EQ(run("qat_kd_train", words("qat", "run", more)).exit_code, 0);
  EXPECT_EQ(whole_checkpoints("run"), Words{"step-00000004"}) << "before the model is written";
  const std::string model = shipped("run");
  fs::remove_all(folder_.path() / "run/checkpoints");
  for (const Words& rest : {Words{}, Words{"--resume"}}) {
    Words all = words("qat", "run", more);
    all.insert(all.end(), rest.begin(), rest.end());
    expect_error(run("qat_kd_train", all), 1, "holds a trained model and no checkpoint to go on from");
  }
  EXPECT_EQ(shipped("run"), model);
  fs::remove(folder_.path() / "run/model.gguf");
  expect_error(run("qat_kd_train", words("qat", "run", more)), 1, "holds a trained model");
}

TEST_F(Train, GoesOnFromTheBestWhereThereIsNoOtherCheckpoint) {
  const Words more = {"--steps", "8", "--validate-every", "2", "--resume"};
  ASSERT_EQ(run("qat_kd_train", words("qat", "whole", more)).exit_code, 0);
  ASSERT_EQ(run("qat_kd_train", words("qat", "killed", more)).exit_code, 0);
  // As killed behind the last validation, before the first checkpoint.
  fs::remove_all(folder_.path() / "killed/checkpoints");
  fs::remove(folder_.path() / "killed/model.gguf");
  Words anew = words("qat", "killed", {"--steps", "8", "--validate-every", "2"});
  expect_error(run("qat_kd_train", anew), 1, "holds checkpoints");
  const Ran ran = run("qat_kd_train", words("qat", "killed", more));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find("resumed from the checkpoint of step "), std::string::npos) << ran.err;
  EXPECT_EQ(shipped("killed"), shipped("whole"));
  EXPECT_EQ(metrics("killed"), metrics("whole"));
}

TEST_F(Train, ChecksAllThatItWouldGoOnFromBeforeItBegins) {
  const Words more = {"--steps", "4", "--validate-every", "2", "--ship", "best", "--resume"};
  ASSERT_EQ(run("qat_kd_train", words("qat", "run", more)).exit_code, 0);
  const std::string model = shipped("run");
  for (const std::string name : {"checkpoints", "best"}) {
    const fs::path step = fs::directory_iterator(folder_.path() / "run" / name)->path();
    fs::rename(step / "sha256sums", step / "kept");
    const Ran ran = run("qat_kd_train", words("qat", "run", more));
    expect_error(ran, 1, name + "/" + step.filename().string() + "/sha256sums: [checkpoint] missing");
    EXPECT_EQ(ran.err.find("packed as"), std::string::npos) << "said before anything is loaded: " << ran.err;
    fs::rename(step / "kept", step / "sha256sums");
  }
  EXPECT_EQ(run("qat_kd_train", words("qat", "run", more)).exit_code, 0);
  EXPECT_EQ(shipped("run"), model);
}

TEST_F(Train, KeepsTheBestWhereItsLineWasLost) {
  const Words more = {"--steps", "6", "--validate-every", "2", "--checkpoint-every", "2", "--keep", "3", "--resume"};
  ASSERT_EQ(run("qat_kd_train", words("fp32", "run", more)).exit_code, 0);
  // As if step 2 had measured better than any other,
  const fs::path checkpoints = folder_.path() / "run/checkpoints",
                 best_step = folder_.path() / "run/best/step-00000002";
  fs::remove_all(best_step.parent_path());
  fs::create_directory(best_step.parent_path());
  fs::copy(checkpoints / "step-00000002", best_step);
  nlohmann::json state = nlohmann::json::parse(content_of(best_step / "state.json"));
  state["measured"] = {{"perplexity", 1.0}};
  std::ofstream(best_step / "state.json") << state;
  std::string sums = content_of(best_step / "sha256sums");
  Sha256 hash;
  hash.update(*MappedFile::open(best_step / "state.json"));
  sums.replace(sums.find("  state.json") - 64, 64, hash.hex());
  std::ofstream(best_step / "sha256sums") << sums;
  // and the run was killed behind step 4, with lines that never came to the disk.
  fs::remove_all(checkpoints / "step-00000006");
  folder_.file("run/metrics.jsonl", "");
  const std::string before = best("run");
  const Ran ran = run("qat_kd_train", words("fp32", "run", more));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find("resumed from the checkpoint of step 4"), std::string::npos) << ran.err;
  EXPECT_EQ(best("run"), before);
}

TEST_F(Train, DoesNotWriteOverTheCheckpointsOfAnotherRun) {
  const Words more = {"--steps", "4", "--checkpoint-every", "2"};
  ASSERT_EQ(run("qat_kd_train", words("qat", "run", more)).exit_code, 0);
  expect_error(run("qat_kd_train", words("qat", "run", more)), 1, "holds checkpoints: --resume goes on from them");
  Words resumed = more;
  resumed.insert(resumed.end(), {"--resume", "--json"});
  const Ran ran = run("qat_kd_train", words("qat", "run", resumed));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_GT(ran.json().at("loss"), 0.0) << "of the steps done before";
  folder_.file("story.txt", story() + "And then the rain stopped.\n");
  expect_error(run("qat_kd_train", words("qat", "run", resumed)), 1, "of another run: training text is ");
}

}  // namespace
}  // namespace slm::test
