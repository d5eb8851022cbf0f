// SPDX-License-Identifier: Apache-2.0
// What programs answer to bad input: one line `error: …` on stderr, nothing on stdout,
// exit code 1 (error) or 2 (wrong usage).
#include <gtest/gtest.h>

#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

using Words = std::vector<std::string>;

Words with_model(const Words& rest, const std::string& model = tiny("qwen2_tied")) {
  Words words = {"--model", model};
  words.insert(words.end(), rest.begin(), rest.end());
  return words;
}

/// A tiny model's folder with one file changed or, where `bytes` is empty, removed.
void copy_changed(const TemporaryFolder& to, const std::string& model, const std::string& file,
                  const std::string& bytes) {
  std::filesystem::copy(tiny_models() / model, to.path());
  std::filesystem::remove(to.path() / file);
  if (!bytes.empty()) to.file(file, bytes);
}

class EveryProgram : public testing::TestWithParam<std::pair<std::string, Words>> {
 protected:
  Ran run_with(const std::string& model, const RunOptions& options = {}) const {
    return run(GetParam().first, with_model(GetParam().second, model), options);
  }
};

TEST_P(EveryProgram, TeachesOnHelpAndTellsItsVersion) {
  const Ran help = run(GetParam().first, {"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* word : {"--model", "--threads", "--seed", "--json", "Examples:", "JSON:"})
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  const Ran version = run(GetParam().first, {"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_TRUE(version.out.starts_with(GetParam().first + " of libslm ")) << version.out;
}

TEST_P(EveryProgram, RefusesWrongUsageWithCode2) {
  expect_error(run(GetParam().first, GetParam().second), 2, "--model");
  for (const Words& extra : {Words{"--no-such-option"},
                             {"--threads", "0"},
                             {"--threads", "two"},
                             {"--threads", "-3"},
                             {"--threads", "1025"},
                             {"--seed", "-1"},
                             {"--seed", "x"},
                             {"surplus"}}) {
    Words words = with_model(GetParam().second);
    words.insert(words.end(), extra.begin(), extra.end());
    expect_error(run(GetParam().first, words), 2, extra[0]);
  }
}

TEST_P(EveryProgram, RefusesAnInstructionSetThatIsUnknownOrAbsent) {
  expect_error(run_with(tiny("qwen2_tied"), {.environment = {{"SLM_ISA", "foo"}}}), 1,
               "[isa] SLM_ISA=foo is unknown, expected one of: scalar");
#if defined(__x86_64__)
  const std::string absent = "neon_dotprod";
#else
  const std::string absent = "avx2";
#endif
  expect_error(run_with(tiny("qwen2_tied"), {.environment = {{"SLM_ISA", absent}}}), 1,
               "[isa] SLM_ISA=" + absent + " cannot run");
  EXPECT_EQ(run_with(tiny("qwen2_tied"), {.environment = {{"SLM_ISA", "scalar"}}}).exit_code, 0);
}

TEST_P(EveryProgram, NamesAModelThatIsNotThere) {
  expect_error(run_with("/no/such/model"), 1, "/no/such/model");
  expect_error(run_with("/no/such/model.gguf"), 1, "/no/such/model.gguf");
  TemporaryFolder empty;
  expect_error(run_with(empty.path().string()), 1, empty.path().string());
  expect_error(run_with(empty.file("nonsense.gguf", "this is no GGUF file at all")), 1, "nonsense.gguf");
  expect_error(run_with(empty.file("empty.gguf", "")), 1, "empty.gguf");
}

TEST_P(EveryProgram, SaysWhenStdoutIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "/dev/full is not here";
  expect_error(run_with(tiny("qwen2_tied"), {.output = "/dev/full"}), 1, "No space left");
}

std::string text_file() { return (tiny_models() / "qwen2_tied/tokenizer.json").string(); }

std::string exported_file() {
  static const TemporaryFolder folder("exported");
  return (folder.path() / "o.gguf").string();
}

std::string task_file() {
  static const TemporaryFolder folder("tasks");
  static const std::filesystem::path file =
      folder.file("tasks.jsonl", R"({"prompt": "Is it high?", "choices": ["yes", "no"], "answer": "yes"})");
  return file.string();
}

INSTANTIATE_TEST_SUITE_P(
    All, EveryProgram,
    testing::Values(std::pair<std::string, Words>{"tokenize", {"--text", "river"}},
                    std::pair<std::string, Words>{"inspect", {}},
                    std::pair<std::string, Words>{"quantize", {"--scheme", "w8g32", "--out", exported_file()}},
                    std::pair<std::string, Words>{"infer", {"--prompt", "river", "-n", "2"}},
                    std::pair<std::string, Words>{"evaluate", {"--data", text_file(), "--windows", "1"}},
                    std::pair<std::string, Words>{"score", {"--tasks", task_file()}},
                    std::pair<std::string, Words>{"end_to_end_bench",
                                                  {"--prefill", "4", "--decode", "2", "--rounds", "1"}}),
    [](const auto& case_info) { return case_info.param.first; });

class ProgramsThatRun : public EveryProgram {};

TEST_P(ProgramsThatRun, RefuseUnknownSchemesAndListTheKnown) {
  for (const std::string word : {"w9g32", "F32", "", "as-is "}) {
    Words words = with_model(GetParam().second);
    words.insert(words.end(), {"--weights", word});
    expect_error(run(GetParam().first, words), 2,
                 word.empty() ? "--weights" : "as-is f32 bf16 f16 w8c w8g32 w4g32 w4g32a");
  }
  Words words = with_model(GetParam().second);
  words.insert(words.end(), {"--kv", "f64"});
  expect_error(run(GetParam().first, words), 2, "--kv");
}

TEST_P(ProgramsThatRun, NameWhatAFolderLacks) {
  for (const char* missing : {"model.safetensors", "config.json", "tokenizer.json"}) {
    if (GetParam().first == "end_to_end_bench" && std::string(missing) == "tokenizer.json") continue;  // needs none
    TemporaryFolder folder;
    copy_changed(folder, "qwen2_tied", missing, "");
    const Ran ran = run_with(folder.path().string());
    expect_error(ran, 1, folder.path().string());
  }
  TemporaryFolder broken;
  copy_changed(broken, "qwen2_tied", "config.json", "{\"model_type\": \"qwen2\", ");
  expect_error(run_with(broken.path().string()), 1, "config.json");
  TemporaryFolder other;
  copy_changed(other, "qwen2_tied", "config.json", "{\"model_type\": \"mamba\"}");
  expect_error(run_with(other.path().string()), 1, "mamba");
}

INSTANTIATE_TEST_SUITE_P(All, ProgramsThatRun,
                         testing::Values(std::pair<std::string, Words>{"infer", {"--prompt", "river", "-n", "2"}},
                                         std::pair<std::string, Words>{"evaluate",
                                                                       {"--data", text_file(), "--windows", "1"}},
                                         std::pair<std::string, Words>{
                                             "end_to_end_bench", {"--prefill", "4", "--decode", "2", "--rounds", "1"}}),
                         [](const auto& case_info) { return case_info.param.first; });

TEST(EveryProgramsStdout, BeyondAFileSizeLimitIsAnErrorAndNoSignal) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "river ";
  const Ran ran = run("tokenize", with_model({"--json"}), {.input = text, .file_size_limit = 4096});
  EXPECT_FALSE(ran.by_signal);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.error().find("[output] cannot write to stdout: File too large"), std::string::npos) << ran.err;
}

TEST(InferRefuses, EmptyPrompts) {
  expect_error(run("infer", with_model({"--prompt", ""})), 1, "[infer] the prompt is empty");
  expect_error(run("infer", with_model({"--raw", "--prompt", ""})), 1, "[infer] the prompt is empty");
  expect_error(run("infer", with_model({})), 1, "[infer] the prompt is empty");
  expect_error(run("infer", with_model({"--file", "/no/such/prompt"})), 1, "/no/such/prompt");
}

TEST(InferRefuses, APromptBeyondTheContext) {
  expect_error(run("infer", with_model({"--raw", "--prompt", "abc def", "--ctx", "3"})), 1,
               "tokens, the context has room for 3");
  const std::string text(2000, '7');
  expect_error(run("infer", with_model({"--raw", "--prompt", text})), 1,
               "[infer] the prompt has 2000 tokens, the context has room for 512");
  expect_error(run("infer", with_model({"--prompt", "abc", "--ctx", "513"})), 1,
               "[infer] --ctx is 513, the model has a context of 512");
  expect_error(run("infer", with_model({"--chat", "--ctx", "100"}), {.input = text + "\n"}), 1, "the context has 100");
}

TEST(InferRefuses, OptionsThatMakeNoSense) {
  for (const Words& words : std::vector<Words>{{"--prompt", "a", "--file", "b"},
                                               {"--prompt", "a", "--chat"},
                                               {"--raw", "--chat"},
                                               {"--raw", "--system", "s", "--prompt", "a"},
                                               {"--prompt", "a", "--temperature", "-1"},
                                               {"--prompt", "a", "--temperature", "warm"},
                                               {"--prompt", "a", "--top-k", "-1"},
                                               {"--prompt", "a", "--top-p", "1.5"},
                                               {"--prompt", "a", "--min-p", "2"},
                                               {"--prompt", "a", "--repeat-penalty", "0"},
                                               {"--prompt", "a", "-n", "-2"},
                                               {"--prompt", "a", "-n", "1.5"},
                                               {"--prompt", "a", "--ctx", "0"},
                                               {"--prompt", "a", "--ctx", "99999999999999999999"}})
    expect_error(run("infer", with_model(words)), 2, "--help");
  for (const char* option : {"--temperature", "--top-p", "--min-p", "--repeat-penalty"})
    EXPECT_NE(run("infer", with_model({"--prompt", "a", option, "nan", "-n", "1"})).exit_code, 0) << option;
}

TEST(InferRefuses, AnUnknownChatTemplateAndPointsToRaw) {
  TemporaryFolder folder;
  copy_changed(folder, "llama_tied", "chat_template.jinja", "{{ strange }}");
  expect_error(run("infer", with_model({"--prompt", "a"}, folder.path().string())), 1, "--raw");
  const Ran raw = run("infer", with_model({"--raw", "--prompt", "a", "-n", "2"}, folder.path().string()));
  EXPECT_EQ(raw.exit_code, 0) << raw.err;
}

TEST(EvaluateRefuses, WhatItCannotMeasure) {
  TemporaryFolder folder;
  const std::string text = folder.file("text", "too short");
  expect_error(run("evaluate", with_model({"--data", "/no/such/text"})), 1, "/no/such/text");
  expect_error(run("evaluate", with_model({"--data", text})), 1, "llamacpp512 needs at least 512");
  expect_error(run("evaluate", with_model({"--data", text, "--protocol", "wiki"})), 2, "gptq2048 llamacpp512 rolling");
  expect_error(run("evaluate", with_model({"--data", text, "--window", "8"})), 2, "--protocol rolling");
  expect_error(run("evaluate", with_model({"--data", text, "--protocol", "rolling", "--window", "8", "--stride", "8"})),
               2, "--stride is 8");
  expect_error(run("evaluate", with_model({"--data", text, "--windows", "-1"})), 2, "--windows");
  expect_error(run("evaluate", with_model({"--data", text, "--fake-activations", "a4"})), 2, "--fake-activations");
  expect_error(run("evaluate", with_model({"--data", text, "--kl-to", "w9"})), 2, "--kl-to");
  expect_error(run("evaluate", with_model({"--data", text, "--kl-tokens", "9"})), 2, "--kl-tokens");
  expect_error(run("evaluate", with_model({"--data", text_file(), "--protocol", "gptq2048"})), 1,
               "the model has 1 to 512");
}

TEST(BenchRefuses, MoreTokensThanTheModelsContext) {
  expect_error(run("end_to_end_bench", with_model({"--prefill", "600"})), 1, "the model has 1 to 512");
  expect_error(run("end_to_end_bench", with_model({"--rounds", "0"})), 2, "--rounds");
  expect_error(run("end_to_end_bench", with_model({"--prefill", "0", "--decode", "0"})), 2, "measures nothing");
  expect_error(run("end_to_end_bench", with_model({"--decode", "0", "--depth", "3"})), 2, "--depth");
}

}  // namespace
}  // namespace slm::test
