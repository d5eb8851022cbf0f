// SPDX-License-Identifier: Apache-2.0
// What a run of qat_kd_train goes on from: its own whole checkpoints, and no damaged one or other run's.
#include "slm/io/sha256.h"
#include "tests/programs/training_run.h"

namespace slm::test {
namespace {

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

TEST_F(Train, DoesNotWriteOverTheMetricsOfAnotherRun) {
  fs::create_directories(folder_.path() / "run");
  folder_.file("run/metrics.jsonl", "older\n");
  expect_error(run("qat_kd_train", words("qat", "run", {"--steps", "1"})), 1, "holds the metrics of a run");
  EXPECT_EQ(content_of(folder_.path() / "run/metrics.jsonl"), "older\n");
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
