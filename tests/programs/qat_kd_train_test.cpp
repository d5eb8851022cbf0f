// SPDX-License-Identifier: Apache-2.0
// qat_kd_train as a user meets it: every mode learns and ends with files that run, every option counts.
#include "tests/programs/training_run.h"

namespace slm::test {
namespace {

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

TEST_F(Train, LearnsInBf16AsInF32) {
  for (const std::string mode : {"fp32", "qat_kd"}) {
    Words options = {"--steps", "60", "--json", "--compute", "bf16"};
    const Ran ran = run("qat_kd_train", words(mode, mode, options));
    if (!computes_bf16()) {
      expect_error(ran, 1, "--compute bf16 needs a processor with avx512bf16");
      EXPECT_EQ(ran.err.find("planned memory"), std::string::npos) << "said before anything is read: " << ran.err;
      continue;
    }
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    ASSERT_EQ(run("qat_kd_train", words(mode, mode + "_f32", {"--steps", "60"})).exit_code, 0);
    const std::vector<nlohmann::json> in_bf16 = metrics(mode), in_f32 = metrics(mode + "_f32");
    ASSERT_EQ(in_bf16.size(), in_f32.size());
    EXPECT_NE(in_bf16.back().at("loss"), in_f32.back().at("loss"));
    // The first step's losses differ by one forward pass; later ones by where quantizers have flipped codes, too.
    const auto relative = [&](size_t i) {
      return in_bf16[i].at("loss").get<double>() / in_f32[i].at("loss").get<double>();
    };
    EXPECT_NEAR(relative(0), 1, 1e-3) << mode;
    for (size_t i = 1; i < in_f32.size(); ++i) EXPECT_NEAR(relative(i), 1, 0.05) << mode << " step " << i + 1;
  }
}

TEST_F(Train, EveryOptionReachesTheTrainer) {
  int number = 0;
  const auto last_loss = [&](const Words& options) {
    const std::string name = std::to_string(number++);
    Words all = words("qat_kd", name, options);
    all.insert(all.end(), {"--steps", "5"});
    const Ran ran = run("qat_kd_train", all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.exit_code == 0 ? metrics(name).back().at("loss").get<double>() : 0.0;
  };
  const double plain = last_loss({});
  EXPECT_EQ(last_loss({}), plain);
  for (const Words& options : {Words{"--clip", "1e-9"},
                               {"--temperature", "2"},
                               {"--kd-weight", "0.9"},
                               {"--weight-decay", "1"},
                               {"--warmup", "4"},
                               {"--schedule", "constant"},
                               {"--teacher-top-k", "4"},
                               {"--teacher-weights", "w4g32"},
                               {"--qat-start", "3"},
                               {"--activations", "f32"},
                               {"--keep-fp", "*.1.mlp.*"},
                               {"--freeze", "model.embed_tokens.weight"},
                               {"--accumulate", "2"},
                               {"--seed", "2"}})
    EXPECT_NE(last_loss(options), plain) << options[0];
}

TEST_F(Train, GivesTheSameBitsForAnyNumberOfThreads) {
  std::vector<std::pair<const char*, Words>> cases = {
      {"fp32", {"--weight-decay", "0.1", "--scheme", "bf16"}},
      {"qat", {"--scheme", "w8c", "--activations", "a8s", "--activation-delay", "2"}},
      {"qat", {"--scheme", "w4g32a", "--accumulate", "2"}},
      {"kd", {"--teacher-top-k", "8", "--teacher-weights", "w8c"}},
      {"qat_kd", {"--scheme", "w4g32", "--freeze", "model.embed*", "--validate-every", "2"}}};
  if (computes_bf16()) cases.push_back({"qat_kd", {"--compute", "bf16"}});
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

TEST_F(Train, ShipsTheBestWhereAsked) {
  // What it learns and what is measured have little in common: it is best before the end.
  const std::string other = folder_.file("other.txt", "the sum of [i] and of (the sum) is in the own sum\n");
  const Words more = {"--steps", "40", "--valid", other, "--validate-every", "2", "--schedule", "constant", "--json"};
  const auto trained = [&](const std::string& name, const Words& rest) {
    Words all = set(words("fp32", name, more), "--lr", "1e-2");
    all.insert(all.end(), rest.begin(), rest.end());
    const Ran ran = run("qat_kd_train", all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.exit_code == 0 ? ran.json() : nlohmann::json();
  };
  const nlohmann::json last = trained("last", {}), best = trained("best", {"--ship", "best"});
  std::pair<double, int64_t> least = {1e30, 0};
  for (const nlohmann::json& line : metrics("best"))
    if (line.contains("perplexity")) least = std::min(least, {line.at("perplexity"), line.at("step")});
  ASSERT_LT(least.second, 40) << "it learned until the end: nothing is told apart";
  ASSERT_GT(least.second, 2);
  EXPECT_EQ(best.at("shipped_step"), least.second);
  EXPECT_TRUE(fs::exists(folder_.path() / fmt::format("best/best/step-{:08}", least.second)));
  EXPECT_DOUBLE_EQ(best.at("perplexity_after"), least.first);
  EXPECT_EQ(last.at("shipped_step"), 40);
  EXPECT_GT(last.at("perplexity_after"), least.first);
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
  const auto embedding = [&](const std::string& folder) {
    for (const StoredTensor& tensor : read_safetensors(fs::path(folder) / "model.safetensors"))
      if (tensor.name == "model.embed_tokens.weight")
        return std::string(reinterpret_cast<const char*>(tensor.tensor.data()), tensor.tensor.bytes());
    return std::string();
  };
  trained("frozen", {"--dither", "1", "--freeze", "model.embed_tokens.weight"});
  trained("plain", {"--freeze", "model.embed_tokens.weight"});
  EXPECT_EQ(embedding(out("frozen/f32")), embedding(out("plain/f32"))) << "what is frozen stays as it is";
  EXPECT_NE(embedding(out("spread/f32")), embedding(out("plain/f32")));
}

}  // namespace
}  // namespace slm::test
