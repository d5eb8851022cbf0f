// SPDX-License-Identifier: Apache-2.0
// qat_kd_train as a user meets it: every mode ends with files that run, a run survives being killed, wrong input is said.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "slm/core/rng.h"
#include "tests/export/tiny_models.h"
#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string story() {
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += fmt::format("On day {} the river stood at {} cm and the bridge was {}.\n", i, 100 + 7 * i % 90,
                        i % 3 == 0 ? "closed" : "open");
  return text;
}

Words set(Words all, const std::string& option, const std::string& value) {
  all.at(static_cast<size_t>(std::ranges::find(all, option) - all.begin()) + 1) = value;
  return all;
}

class Train : public testing::Test {
 protected:
  std::string out(const std::string& name) const { return (folder_.path() / name).string(); }
  Words words(const std::string& mode, const std::string& name, const Words& rest = {}) const {
    Words all = {"--mode", mode,      "--student", tiny("qwen2_tied"), "--train", text_,  "--out", out(name), "--seq",
                 "32",     "--batch", "2",         "--threads",        "1",       "--lr", "1e-3"};
    if (mode == "kd" || mode == "qat_kd") all.insert(all.end(), {"--teacher", tiny("qwen2_untied")});
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }
  /// What lies in the folder of checkpoints, unfinished ones too.
  Words checkpoints(const std::string& name) const {
    Words names;
    std::error_code error;  // there are none before the first
    for (const auto& entry : fs::directory_iterator(folder_.path() / name / "checkpoints", error))
      names.push_back(entry.path().filename());
    return names;
  }
  Words whole_checkpoints(const std::string& name) const {
    Words names = checkpoints(name);
    std::erase_if(names, [](const std::string& entry) { return entry.ends_with(".unfinished"); });
    return names;
  }
  /// Lines of metrics.jsonl without what a clock says.
  std::vector<nlohmann::json> metrics(const std::string& name) const {
    std::vector<nlohmann::json> lines;
    std::istringstream all(content_of(folder_.path() / name / "metrics.jsonl"));
    for (std::string line; std::getline(all, line);) {
      nlohmann::json json = nlohmann::json::parse(line);
      json.erase("seconds");
      json.erase("teacher_seconds");
      lines.push_back(json);
    }
    return lines;
  }
  std::string shipped(const std::string& name) const {
    return content_of(folder_.path() / name / "model.gguf") +
           content_of(folder_.path() / name / "f32/model.safetensors");
  }
  TemporaryFolder folder_;
  const std::string text_ = folder_.file("story.txt", story());
};

TEST_F(Train, EveryModeLearnsAndShipsAModelThatRuns) {
  for (const std::string mode : {"fp32", "qat", "kd", "qat_kd"}) {
    const Ran ran = run("qat_kd_train", words(mode, mode, {"--steps", "60", "--json"}));
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    const nlohmann::json result = ran.json();
    expect_keys(result, {"steps", "loss", "tokens_per_second", "peak_rss_bytes", "planned_bytes", "perplexity_before",
                         "perplexity_after", "gguf", "folder"});
    EXPECT_LT(result.at("perplexity_after"), 0.5 * result.at("perplexity_before").get<double>()) << mode;
    EXPECT_NE(ran.err.find("planned memory"), std::string::npos);
#if !defined(__SANITIZE_ADDRESS__)  // a sanitizer's own memory would be measured
    // Of a model this small most is the program's own.
    EXPECT_NEAR(result.at("planned_bytes"), result.at("peak_rss_bytes").get<double>(), 8e6) << mode;
#endif
    EXPECT_EQ(std::ranges::count(content_of(folder_.path() / mode / "metrics.jsonl"), '\n'), 60);
    answer("infer", result.at("gguf"), {"--raw", "--prompt", "On day", "-n", "4"});
    answer("infer", result.at("folder"), {"--raw", "--prompt", "On day", "-n", "4"});
  }
}

TEST_F(Train, GivesTheSameBitsForAnyNumberOfThreads) {
  const std::pair<const char*, Words> cases[] = {
      {"fp32", {"--weight-decay", "0.1", "--scheme", "bf16"}},
      {"qat", {"--scheme", "w8c", "--activations", "a8s", "--activation-delay", "2"}},
      {"qat", {"--scheme", "w4g32a", "--accumulate", "2"}},
      {"kd", {"--teacher-top-k", "8", "--teacher-weights", "w8c"}},
      {"qat_kd", {"--scheme", "w4g32", "--freeze", "model.embed*", "--validate-every", "2"}}};
  int number = 0;
  for (const auto& [mode, options] : cases) {
    std::string first;
    std::vector<nlohmann::json> first_metrics;
    for (const char* threads : {"1", "2", "3"}) {  // of vocabulary, width and rows one shares none evenly
      const std::string name = fmt::format("{}_{}_{}", mode, number, threads);
      Words all = set(set(words(mode, name, options), "--threads", threads), "--seq", "300");
      all.insert(all.end(), {"--steps", "3", "--keep-fp", "*.1.mlp.*"});
      ASSERT_EQ(run("qat_kd_train", all).exit_code, 0);
      if (first.empty()) first = shipped(name), first_metrics = metrics(name);
      EXPECT_EQ(shipped(name), first) << name;
      EXPECT_EQ(metrics(name), first_metrics) << name;
    }
    ++number;
  }
}

TEST_F(Train, StaticInputsAreTrainedShippedAndResumed) {
  const Words more = {"--steps", "100", "--activations", "a8s", "--activation-delay", "5", "--checkpoint-every", "10"};
  const auto with = [&](const char* scheme, const Words& rest) {
    Words all = more;
    all.insert(all.end(), {"--scheme", scheme});
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  };
  for (const char* scheme : {"w8c", "w4g32", "w4g32a"}) {
    const Ran whole = run("qat_kd_train", words("qat", scheme, with(scheme, {"--json"})));
    ASSERT_EQ(whole.exit_code, 0) << whole.err;
    EXPECT_LT(whole.json().at("perplexity_after"), 0.5 * whole.json().at("perplexity_before").get<double>()) << scheme;
    answer("infer", whole.json().at("gguf"), {"--raw", "--prompt", "On day", "-n", "4"});
  }
  EXPECT_EQ(answer("inspect", out("w8c") + "/model.gguf", {}).at("static_inputs"), 21);
  // Killed behind a checkpoint, before and after which ranges move.
  Process process("qat_kd_train", words("qat", "stopped", with("w8c", {"--resume"})), {});
  ASSERT_TRUE(process.wait_until([&] { return !whole_checkpoints("stopped").empty(); })) << process.err();
  process.interrupt(SIGKILL);
  ASSERT_TRUE(process.wait().by_signal) << "it was too fast to be stopped on its way";
  const Ran resumed = run("qat_kd_train", words("qat", "stopped", with("w8c", {"--resume"})));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("resumed from"), std::string::npos) << resumed.err;
  EXPECT_EQ(shipped("stopped"), shipped("w8c"));
}

TEST_F(Train, TheKernelsOwnInputsCanBeNamed) {
  for (const auto& [scheme, inputs] : {std::pair{"w4g32", "a8g32"}, {"w8g32", "a8g32"}, {"w8c", "a8t"}}) {
    const std::string plain = std::string(scheme), named = plain + "_named";
    const Words more = {"--steps", "4", "--scheme", scheme};
    Words with = more;
    with.insert(with.end(), {"--activations", inputs});
    ASSERT_EQ(run("qat_kd_train", words("qat", plain, more)).exit_code, 0);
    ASSERT_EQ(run("qat_kd_train", words("qat", named, with)).exit_code, 0);
    EXPECT_EQ(shipped(named), shipped(plain));
    with.emplace_back("--resume");
    EXPECT_EQ(run("qat_kd_train", words("qat", plain, with)).exit_code, 0) << "the same run";
  }
}

TEST_F(Train, SurvivesBeingKilledAtAnyTime) {
  const Words more = {"--steps", "40",       "--accumulate",     "2", "--checkpoint-every",
                      "3",       "--resume", "--validate-every", "6"};
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
  }
  EXPECT_GE(inside_a_write, 3) << "of " << kills;
  RecordProperty("kills", kills);
  RecordProperty("inside_a_write", inside_a_write);
  RecordProperty("runs", rounds);
}

TEST_F(Train, SavesACheckpointOnCtrlC) {
  const Words more = {"--steps", "120", "--checkpoint-every", "0", "--resume"};
  Ran ran;
  for (const int signal_number : {SIGINT, SIGTERM}) {
    Process process("qat_kd_train", words("qat", "stopped", more), {});
    const fs::path metrics = folder_.path() / "stopped/metrics.jsonl";
    const auto steps = [&] { return std::ranges::count(content_of(metrics), '\n'); };
    const auto before = fs::exists(metrics) ? steps() : 0;
    ASSERT_TRUE(process.wait_until([&] { return steps() > before; })) << process.err();
    process.interrupt(signal_number);
    ran = process.wait();
    EXPECT_EQ(ran.exit_code, 128 + signal_number) << ran.err;
  }
  EXPECT_NE(ran.err.find("saved the checkpoint"), std::string::npos) << ran.err;
  const Ran resumed = run("qat_kd_train", words("qat", "stopped", more));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("resumed from"), std::string::npos);
  ASSERT_EQ(run("qat_kd_train", words("qat", "whole", {"--steps", "120", "--checkpoint-every", "0"})).exit_code, 0);
  EXPECT_EQ(shipped("stopped"), shipped("whole"));
}

TEST_F(Train, MeasuresOnTheWayAndKeepsTheBest) {
  const Words more = {"--steps", "30", "--validate-every", "10", "--json"};
  const Ran ran = run("qat_kd_train", words("qat", "run", more));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  std::vector<double> measured;
  std::istringstream metrics(content_of(folder_.path() / "run/metrics.jsonl"));
  for (std::string line; std::getline(metrics, line);)
    if (const nlohmann::json json = nlohmann::json::parse(line); json.contains("perplexity"))
      measured.push_back(json.at("perplexity"));
  ASSERT_EQ(measured.size(), 3u);
  EXPECT_DOUBLE_EQ(measured.back(), ran.json().at("perplexity_after")) << "what is measured is what is shipped";
  EXPECT_TRUE(fs::exists(folder_.path() / "run/best/step-00000030")) << "it learned until the end";
}

TEST_F(Train, PlansMemoryAndDiskOfWhatIsMeasuredOnTheWay) {
  const fs::path student = folder_.path() / "student";
  make_qwen2_folder(student, 256, 24000);  // 26 MB of F32
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy(tiny_models() / "qwen2_tied" / file, student);
  Words all = words(
      "fp32", "run",
      {"--steps", "4", "--scheme", "f32", "--validate-every", "2", "--checkpoint-every", "1", "--keep", "2", "--json"});
  all[3] = student.string();
  const Ran ran = run("qat_kd_train", all);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_NEAR(ran.json().at("planned_bytes"), ran.json().at("peak_rss_bytes").get<double>(), 13e6) << ran.err;
#endif
  const auto bytes_in = [&](const std::string& name) {
    double bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path() / "run" / name))
      if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
    return bytes;
  };
  const double one = bytes_in("best");
  const double shipped = bytes_in("f32") + static_cast<double>(fs::file_size(out("run") + "/model.gguf"));
  EXPECT_NEAR(bytes_in("checkpoints"), 2 * one, 1e4);
  EXPECT_NEAR(ran.json().at("planned_disk_bytes"), 3 * one + std::max(one, shipped), 1e5);
}

TEST_F(Train, WarnsOfWeightsOnATieAndSpreadsThem) {
  // Codes of four bits are ties of three, every other one.
  const std::string on_a_grid = out("q4.gguf");
  ASSERT_EQ(run("quantize", {"--model", tiny("qwen2_tied"), "--scheme", "w4g32", "--out", on_a_grid}).exit_code, 0);
  const auto trained = [&](const std::string& name, const Words& rest) {
    Words all = words("qat", name, {"--steps", "2", "--scheme", "w3g32"});
    all[3] = on_a_grid;
    all.insert(all.end(), rest.begin(), rest.end());
    const Ran ran = run("qat_kd_train", all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.err;
  };
  EXPECT_NE(trained("tied", {}).find("halfway between two codes of w3g32"), std::string::npos);
  EXPECT_EQ(trained("spread", {"--dither", "1"}).find("halfway"), std::string::npos);
  EXPECT_NE(shipped("tied"), shipped("spread"));
}

TEST_F(Train, NamesWhatIsWrong) {
  const auto refuses = [&](const Words& all, int code, const std::string& part) {
    expect_error(run("qat_kd_train", all), code, part);
  };
  const Words steps = {"--steps", "2"};
  refuses(words("qat", "a", {"--steps", "0"}), 2, "--steps: '0', expected a whole number from 1");
  for (const char* rate : {"0", "-1e-4", "nan"}) {
    refuses(set(words("qat", "a", steps), "--lr", rate), 2, "--lr: ");
  }
  refuses(words("qat", "a", {"--steps", "2", "--teacher", tiny("qwen2_untied")}), 2, "--teacher does nothing");
  refuses(words("qat", "a", {"--steps", "2", "--kd-weight", "0.3"}), 2, "--kd-weight does nothing in --mode qat");
  refuses(words("fp32", "a", {"--steps", "2", "--qat-start", "1"}), 2, "--qat-start does nothing");
  refuses(words("fp32", "a", {"--steps", "2", "--activations", "f32"}), 2, "--activations does nothing");
  refuses(words("qat", "a", {"--steps", "2", "--teacher-weights", "f32"}), 2, "--teacher-weights does nothing");
  refuses(words("qat", "a", {"--steps", "2", "--activation-delay", "1"}), 2, "belong to --activations a8s");
  refuses(words("qat", "a", {"--steps", "2", "--scheme", "bf16", "--activations", "a8s"}), 2, "multiplied with floats");
  refuses(words("qat", "a", {"--steps", "2", "--scheme", "bf16", "--activations", "a8g32"}), 2, "with floats");
  refuses(words("qat", "a", {"--steps", "2", "--scheme", "w4g32", "--activations", "a8t"}), 2, "with a8g32 inputs");
  refuses(words("qat", "a", {"--steps", "2", "--scheme", "w8c", "--activations", "a8g32"}), 2, "with a8t inputs");
  refuses(words("qat", "a", {"--steps", "2", "--warmup", "3"}), 2, "--warmup is 3, expected at most --steps, 2");
  refuses(words("qat", "a", {"--steps", "2", "--qat-start", "2"}), 2,
          "--qat-start is 2, expected less than --steps, 2");
  refuses(words("qat", "a", {"--steps", "2", "--activations", "a8s", "--scheme", "w8c", "--activation-delay", "3"}), 2,
          "--activation-delay is 3, expected less than --steps, 2");
  refuses(words("qat", "a", {"--steps", "2", "--scheme", "w5x"}), 2, "w5x");
  refuses(words("qat", "a", {"--steps", "2", "--keep-fp", "nothing.*"}), 1, "nothing.*");
  refuses(words("qat", "a", {"--steps", "2", "--freeze", "nothing.*"}), 1, "\"nothing.*\" matches no tensor");
  refuses(words("qat", "a", {"--steps", "2", "--memory-limit", "0.001"}), 1, "--memory-limit is 0.001 GB");
  refuses(set(words("kd", "a", steps), "--teacher", tiny("llama_tied")), 1, "expected one vocabulary");
  Words none = words("kd", "a", steps);
  none.erase(std::ranges::find(none, "--teacher"), std::ranges::find(none, "--teacher") + 2);
  refuses(none, 2, "--mode kd needs --teacher");
  refuses(set(words("qat", "a", steps), "--seq", "100000"), 1, "--seq is 100000, the student has a context of ");
  folder_.file("file", "");
  refuses(words("qat", "file", steps), 1, "--out");
  make_qwen2_folder(folder_.path() / "m48", 48, 320);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy(tiny_models() / "qwen2_tied" / file, folder_.path() / "m48");
  for (const char* mode : {"qat", "fp32"})
    refuses(set(words(mode, "a", steps), "--student", out("m48")), 1,
            "needs a multiple of 32 (tensor model.embed_tokens.weight)");
}

TEST_F(Train, RefusesADamagedCheckpointAndOneOfAnotherRun) {
  const Words more = {"--steps", "4", "--checkpoint-every", "2", "--resume"};
  ASSERT_EQ(run("qat_kd_train", words("qat", "run", more)).exit_code, 0);
  expect_error(run("qat_kd_train", words("qat", "run", {"--steps", "5", "--checkpoint-every", "2", "--resume"})), 1,
               "of another run: steps is 4, this run's is 5");
  const fs::path weights = folder_.path() / "run/checkpoints/step-00000004/weights.safetensors";
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
  expect_error(run("qat_kd_train", words("qat", "run", resumed)), 1, "of another run: data is ");
}

}  // namespace
}  // namespace slm::test
