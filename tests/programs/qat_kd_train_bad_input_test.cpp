// SPDX-License-Identifier: Apache-2.0
// What qat_kd_train answers to bad input: options, models, texts and folders that it refuses or warns of.
#include "tests/programs/training_run.h"

namespace slm::test {
namespace {

TEST_F(Train, SaysWhatLooksLikeAMistakeInItsText) {
  const auto warns = [&](const std::string& name, const std::string& text, const std::string& part) {
    const Words all = set(words("fp32", name, {"--steps", "1"}), "--train", folder_.file(name + ".txt", text));
    const Ran ran = run("qat_kd_train", all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  };
  warns("latin", story() + "Caf\xe9\n", "latin.txt: 1 byte is no UTF-8");
  warns("array", "[ {\"text\": \"" + std::string(200, 'x') + "\"}]\n", "array.txt looks like JSON");
  const Ran same = run("qat_kd_train", words("fp32", "same", {"--steps", "1", "--valid", text_}));
  EXPECT_NE(same.err.find("story.txt is learned and measured"), std::string::npos) << same.err;
  warns("json", "{\"text\": \"" + std::string(200, 'x') + "\"}\n", "json.txt looks like JSON");
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
  refuses(words("qat", "a", {"--steps", "2", "--freeze", "*"}), 1, "nothing is left to train");
  refuses(words("qat", "a", {"--steps", "2", "--keep-fp", "*"}), 1, "w4g32 is left without one");
  refuses(words("kd", "a", {"--steps", "2", "--kd-weight", "0"}), 2, "--kd-weight");
  refuses(set(words("qat", "a", steps), "--batch", "1000000000"), 1, "of memory and swap");
  refuses(words("qat", "a", {"--steps", "2", "--ship", "best"}), 2, "--ship best needs --validate-every");
  refuses(words("kd", "a", {"--steps", "2", "--teacher-top-k", "1000000"}), 1,
          "--teacher-top-k is 1000000, expected at most 320");
  refuses(set(words("kd", "a", steps), "--teacher", tiny("llama_tied")), 1, "expected one vocabulary");
  Words none = words("kd", "a", steps);
  none.erase(std::ranges::find(none, "--teacher"), std::ranges::find(none, "--teacher") + 2);
  refuses(none, 2, "--mode kd needs --teacher");
  refuses(set(words("qat", "a", steps), "--seq", "100000"), 1, "--seq is 100000, the student has a context of ");
  folder_.file("file", "");
  refuses(words("qat", "file", steps), 1, "--out");
  refuses(set(words("qat", "a", steps), "--out", "/proc/self/task"), 1, "/proc/self/task");
  refuses(set(words("qat", "a", steps), "--train", folder_.file("short.txt", "The own sum.")), 1,
          "expected at least one sequence of text");
  refuses(set(words("qat", "a", steps), "--train", folder_.file("one.txt", "x")), 1,
          "one.txt: [data] 1 documents, 1 ids, expected at least 2 ids");
  refuses(set(words("qat", "a", steps), "--train", folder_.file("none.txt", "")), 1,
          "none.txt: [data] the text is empty");
  fs::copy(tiny_models() / "qwen2_tied", folder_.path() / "odd", fs::copy_options::recursive);
  std::string tokenizer = content_of(folder_.path() / "odd/tokenizer.json");
  tokenizer.replace(tokenizer.find("(?i:'s|"), 7, "(?i:'z|");
  std::ofstream(folder_.path() / "odd/tokenizer.json") << tokenizer;
  const Ran odd = run("qat_kd_train", set(words("qat", "a", steps), "--student", out("odd")));
  expect_error(odd, 1, "GGUF has no name for this tokenizer's pre-tokenizer");
  EXPECT_EQ(odd.err.find("planned memory"), std::string::npos) << "said before anything is done: " << odd.err;
  make_qwen2_folder(folder_.path() / "m48", 48, 320);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy(tiny_models() / "qwen2_tied" / file, folder_.path() / "m48");
  for (const char* mode : {"qat", "fp32"})
    refuses(set(words(mode, "a", steps), "--student", out("m48")), 1,
            "tensor model.embed_tokens.weight has rows of 48 values, w4g32 needs a multiple of 32");
}

TEST_F(Train, SaysWhatIsInItsWayBeforeAnythingIsLearned) {
  const auto refuses = [&](const std::string& name, const std::string& part) {
    const Ran ran = run("qat_kd_train", words("qat", name, {"--steps", "2"}));
    expect_error(ran, 1, part);
    EXPECT_EQ(ran.err.find("planned memory"), std::string::npos) << ran.err;
    return ran;
  };
  const auto folder = [&](const std::string& name) { fs::create_directories(folder_.path() / name); };
  folder("a");
  folder_.file("a/f32", "mine");
  refuses("a", "a/f32");
  EXPECT_EQ(content_of(folder_.path() / "a/f32"), "mine");
  EXPECT_FALSE(fs::exists(folder_.path() / "a/model.gguf"));
  folder("b/f32/config.json");
  refuses("b", "b/f32/config.json: Is a directory");
  EXPECT_EQ(std::ranges::distance(fs::directory_iterator(folder_.path() / "b/f32")), 1) << "nothing stays";
  folder("c/f32/model.safetensors");
  refuses("c", "c/f32/model.safetensors: Is a directory");
  folder("d/model.gguf");
  refuses("d", "d/model.gguf: Is a directory");
  EXPECT_FALSE(fs::exists(folder_.path() / "d/f32")) << "nothing stays";
}

}  // namespace
}  // namespace slm::test
