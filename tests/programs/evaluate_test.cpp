// SPDX-License-Identifier: Apache-2.0
// evaluate as a user meets it: the numbers of its table, its columns, what it refuses and warns of.
#include <gtest/gtest.h>

#include "tests/programs/run_program.h"
#include "tests/support/sha256sum.h"

namespace slm::test {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

std::string eval_text() {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "The river rose in the night, line " + std::to_string(i * 37) + ".\n";
  return text;
}

TEST(Evaluate, MeasuresATableOfSchemes) {
  const TemporaryFolder folder;
  const Words words = {"--data",      folder.file("text", eval_text()),
                       "--weights",   "f32,w8g32,w4g32",
                       "--kl-to",     "f32",
                       "--kl-tokens", "100",
                       "--windows",   "1"};
  const json document = answer("evaluate", tiny("qwen2_tied"), words);
  EXPECT_EQ(document.at("weights_sha256"), sha256sum(tiny("qwen2_tied") + "/model.safetensors"));
  EXPECT_NE(document.at("tokenizer").get<std::string>().find("gpt2 qwen2"), std::string::npos);
  const json results = document.at("results");
  ASSERT_EQ(results.size(), 3u);
  for (const json& result : results) {
    expect_keys(result, {"weights", "protocol", "windows", "tokens", "perplexity", "stderr", "kl", "seconds", "top1"});
    EXPECT_EQ(result.at("protocol"), "llamacpp512");
    EXPECT_EQ(result.at("windows"), 1);
    EXPECT_EQ(result.at("tokens"), 255);
    EXPECT_EQ(result.at("kl_tokens"), 100);
    EXPECT_GT(result.at("perplexity").get<double>(), 1);
  }
  EXPECT_EQ(results[0].at("kl"), 0);
  EXPECT_EQ(results[0].at("top1"), 1);
  EXPECT_GT(results[1].at("kl").get<double>(), 0);
  EXPECT_GT(results[2].at("kl").get<double>(), results[1].at("kl").get<double>());

  Words table = words;
  table.insert(table.begin(), {"--model", tiny("qwen2_tied")});
  const Ran printed = run("evaluate", table);
  for (const char* word : {"| f32 ", "| w8g32 ", "| w4g32 ", "perplexity", "±"})
    EXPECT_NE(printed.out.find(word), std::string::npos) << word;
}

TEST(Evaluate, ShowsNoErrorOfOneToken) {
  const TemporaryFolder folder;
  const Words words = {"--data",     folder.file("text", eval_text()),
                       "--protocol", "rolling",
                       "--window",   "2",
                       "--stride",   "1",
                       "--windows",  "1",
                       "--kl-to",    "w4g32"};
  const json result = answer("evaluate", tiny("qwen2_tied"), words).at("results")[0];
  EXPECT_EQ(result.at("tokens"), 1);
  EXPECT_EQ(result.at("stderr"), nullptr);
  EXPECT_EQ(result.at("kl_stderr"), nullptr);
  Words table = words;
  table.insert(table.begin(), {"--model", tiny("qwen2_tied")});
  const Ran printed = run("evaluate", table);
  EXPECT_EQ((printed.out + printed.err).find("±"), std::string::npos) << printed.out << printed.err;
  EXPECT_NE(printed.out.find(" – |"), std::string::npos) << printed.out;
}

TEST(Evaluate, RefusesASchemeThatDoesNotFitBeforeItMeasuresAnother) {
  const TemporaryFolder folder;
  const Ran ran = run("evaluate", {"--model", tiny("llama_tied"), "--data", folder.file("text", eval_text()),
                                   "--windows", "1", "--weights", "f32,w5g64"});
  expect_error(ran, 1, "w5g64 needs a multiple of 64");
  EXPECT_EQ(ran.err.find("perplexity"), std::string::npos) << "nothing was measured before";
}

TEST(Evaluate, MeasuresTheKlToAnotherModel) {
  const TemporaryFolder folder;
  const std::string text = folder.file("text", "The river rose in the night and fell by day, slowly at first.");
  const auto words = [&](const std::string& weights, const std::string& other) {
    return Words{"--data",    text,    "--protocol", "rolling", "--window",   "16",
                 "--weights", weights, "--kl-to",    "f32",     "--kl-model", other};
  };
  const auto kl = [&](const std::string& model, const std::string& weights, const std::string& other) {
    return answer("evaluate", model, words(weights, other)).at("results")[0].at("kl").get<double>();
  };
  EXPECT_EQ(kl(tiny("qwen2_tied"), "f32", tiny("qwen2_tied")), 0.0);
  const std::string exported = (folder.path() / "q.gguf").string();
  ASSERT_EQ(run("quantize", {"--model", tiny("qwen2_tied"), "--scheme", "w4g32", "--out", exported}).exit_code, 0);
  const json itself =
      answer("evaluate", tiny("qwen2_tied"),
             {"--data", text, "--protocol", "rolling", "--window", "16", "--weights", "w4g32", "--kl-to", "f32"});
  EXPECT_EQ(kl(exported, "as-is", tiny("qwen2_tied")), itself.at("results")[0].at("kl").get<double>());
  EXPECT_EQ(itself.at("results")[0].at("kl_model"), tiny("qwen2_tied")) << "by default the model itself";
  EXPECT_FALSE(itself.contains("kl_weights_sha256"));
  const json of_two = answer("evaluate", exported, words("as-is", tiny("qwen2_tied")));
  EXPECT_EQ(of_two.at("weights_sha256"), sha256sum(exported));
  EXPECT_EQ(of_two.at("kl_weights_sha256"), sha256sum(tiny("qwen2_tied") + "/model.safetensors"));
  const json named = of_two.at("results")[0];
  EXPECT_EQ(named.at("kl_to"), "f32");
  EXPECT_EQ(named.at("kl_model"), tiny("qwen2_tied"));
  Words printed = words("as-is", tiny("qwen2_tied"));
  printed.insert(printed.begin(), {"--model", exported});
  EXPECT_NE(run("evaluate", printed).out.find("KL to " + tiny("qwen2_tied") + " f32 |"), std::string::npos);
  Words other = words("f32", tiny("llama_tied"));
  other.insert(other.begin(), {"--model", tiny("qwen2_tied")});
  expect_error(run("evaluate", other), 1, "expected one vocabulary");
  expect_error(run("evaluate", {"--model", tiny("qwen2_tied"), "--data", text, "--kl-model", tiny("qwen2_tied")}), 2,
               "--kl-model does nothing without --kl-to");
}

TEST(Evaluate, MeasuresActivationsApartFromTheKernels) {
  const TemporaryFolder folder;
  const std::string text =
      folder.file("text", std::string(3, '\n') + "The river rose in the night and fell by day. 123");
  const auto kl = [&](const std::string& scheme) {
    const json got = answer("evaluate", tiny("qwen2_tied"),
                            {"--data", text, "--protocol", "rolling", "--window", "16", "--stride", "8", "--weights",
                             "w8c", "--kl-to", "f32", "--fake-activations", scheme});
    EXPECT_EQ(got.at("results")[0].at("fake_activations"), scheme);
    EXPECT_EQ(got.at("results")[0].at("protocol"), "rolling");
    EXPECT_EQ(got.at("results")[0].at("window"), 16);
    EXPECT_EQ(got.at("results")[0].at("stride"), 8);
    return got.at("results")[0].at("kl").get<double>();
  };
  EXPECT_NE(kl("a8g32"), kl("a8t"));
  EXPECT_NE(kl("f32"), kl("a8t"));
}

/// The table's lines, without what is above it.
std::vector<std::string> table_of(const Ran& ran) {
  std::vector<std::string> rows;
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with('|')) rows.push_back(line);
  return rows;
}

TEST(Evaluate, HasColumnsOnlyForWhatWasAsked) {
  const TemporaryFolder folder;
  const Words words = {"--model", tiny("qwen2_tied"), "--data", folder.file("text", eval_text()), "--windows",
                       "1",       "--weights",        "w8c"};
  const auto printed = [&](const Words& more) {
    Words all = words;
    all.insert(all.end(), more.begin(), more.end());
    return run("evaluate", all);
  };
  const Ran plain = printed({});
  ASSERT_EQ(table_of(plain).size(), 3u) << plain.err;
  EXPECT_NE(plain.out.find("1 window, 255 tokens"), std::string::npos) << plain.out;
  for (const char* column : {"| weights |", " size |", " perplexity |", " stderr |"})
    EXPECT_NE(table_of(plain)[0].find(column), std::string::npos) << column;
  for (const char* column : {"KL", "top-1", "activations"})
    EXPECT_EQ(table_of(plain)[0].find(column), std::string::npos) << column;
  const Ran kl = printed({"--kl-to", "f32"});
  ASSERT_EQ(table_of(kl).size(), 3u) << kl.err;
  for (const char* column : {" KL to f32 |", " top-1 |"})
    EXPECT_NE(table_of(kl)[0].find(column), std::string::npos) << column;
  const Ran fake = printed({"--fake-activations", "a8t"});
  ASSERT_EQ(table_of(fake).size(), 3u) << fake.err;
  EXPECT_NE(table_of(fake)[0].find(" activations |"), std::string::npos);
  EXPECT_EQ(table_of(fake)[0].find(" size |"), std::string::npos) << "f32 in memory is not the size of w8c";
  EXPECT_NE(table_of(fake)[2].find(" a8t |"), std::string::npos);
  EXPECT_NE(fake.out.find("activations a8t by fake quantization"), std::string::npos);
}

TEST(Evaluate, RefusesWindowsBeyondTheModelsContext) {
  const TemporaryFolder folder;
  const auto evaluate = [&](const Words& more) {
    Words all = {"--model",    tiny("qwen2_tied"), "--data", folder.file("text", "The river rose."),
                 "--protocol", "rolling"};
    all.insert(all.end(), more.begin(), more.end());
    return run("evaluate", all);
  };
  expect_error(evaluate({"--window", "100000"}), 2, "--window is 100000, the model has a context of 512");
  expect_error(evaluate({"--window", "513"}), 2, "--window is 513");
  expect_error(evaluate({}), 2, "--window is 2048 by default, the model has a context of 512");
  EXPECT_EQ(evaluate({"--window", "512"}).exit_code, 0);
}

TEST(Evaluate, WarnsOfBytesThatAreNoUtf8) {
  const TemporaryFolder folder;
  const auto warning = [&](const std::string& program, const std::string& text, const Words& words) {
    const Ran ran = run(program, words, {.input = text});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const size_t begin = ran.err.find("warning: ");
    return begin == std::string::npos ? "" : ran.err.substr(begin, ran.err.find('\n', begin) - begin);
  };
  const std::string bad = "caf\xE9 and \xFF\xFE" + eval_text() + "\xF0\x9F", model = tiny("qwen2_tied");
  const std::string said = "5 bytes are no UTF-8, the first at offset 3";
  const std::string file = folder.file("bad", bad);
  EXPECT_NE(warning("evaluate", "", {"--model", model, "--data", file, "--windows", "1"}).find(file + ": " + said),
            std::string::npos);
  EXPECT_NE(warning("infer", "", {"--model", model, "--file", folder.file("p", "caf\xE9"), "-n", "1"})
                .find("1 byte is no UTF-8, the first at offset 3"),
            std::string::npos);
  EXPECT_NE(warning("infer", "a\xFF", {"--model", model, "-n", "1"}).find("stdin: 1 byte is no UTF-8"),
            std::string::npos);
  EXPECT_EQ(warning("infer", "café", {"--model", model, "-n", "1"}), "");
}

}  // namespace
}  // namespace slm::test
