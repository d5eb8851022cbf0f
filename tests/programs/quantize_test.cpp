// SPDX-License-Identifier: Apache-2.0
// quantize as a user meets it: what it writes, what it refuses, and that an end from outside leaves no half file.
#include <gtest/gtest.h>

#include "tests/export/tiny_models.h"
#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

Words words(const std::string& model, const std::string& scheme, const std::string& out, const Words& rest = {}) {
  Words all = {"--model", model, "--scheme", scheme, "--out", out};
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

/// A model's folder, complete with a tokenizer.
void make_whole_folder(const fs::path& folder, int width, int vocab) {
  make_qwen2_folder(folder, width, vocab);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy(tiny_models() / "qwen2_tied" / file, folder);
}

TEST(Quantize, WritesAFileThatRunsAndSaysWhatItCost) {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "o.gguf").string();
  const Ran ran = run("quantize", words(tiny("qwen2_tied"), "w4g32", out, {"--json"}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.json().at("file_bytes"), fs::file_size(out));
  EXPECT_EQ(ran.json().at("scheme"), "w4g32");
  answer("infer", out, {"--prompt", "the river", "-n", "2"});
  const Ran table = run("quantize", words(tiny("qwen2_tied"), "bf16", (folder.path() / "f/").string()));
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("| model.norm.weight "), std::string::npos);
  answer("infer", (folder.path() / "f").string(), {"--prompt", "the river", "-n", "2"});
}

TEST(QuantizeRefuses, SchemesAndOptionsThatMakeNoSense) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "o.gguf").string(), to_folder = (folder.path() / "o/").string();
  const std::string model = tiny("qwen2_tied"), there = folder.path().string();
  expect_error(run("quantize", words(model, "bogus", file)), 2, "as-is f32 bf16 f16 w8c w8g32 w4g32 w4g32a");
  for (const char* scheme : {"as-is", "w4g32", "w8c"}) {
    expect_error(run("quantize", words(model, scheme, to_folder)), 2, "f32, bf16 or f16");
    expect_error(run("quantize", words(model, scheme, there)), 2, "f32, bf16 or f16");
  }
  expect_error(run("quantize", words(model, "bf16", to_folder, {"--keep-fp", "*"})), 2, "no --keep-fp");
  expect_error(run("quantize", words(model, "bf16", to_folder, {"--name", "n"})), 2, "--name");
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(QuantizeRefuses, PathsThatCannotBeInOneLineWithTheReason) {
  const TemporaryFolder folder;
  fs::create_symlink("b", folder.path() / "a");
  fs::create_symlink("a", folder.path() / "b");
  const std::string loop = (folder.path() / "a").string(), other = (folder.path() / "o.gguf").string();
  const std::string too_long = (folder.path() / std::string(300, 'x')).string();
  for (const char* end : {"", "/"}) {
    expect_error(run("quantize", words(tiny("qwen2_tied"), "bf16", too_long + end)), 1, "File name too long");
    expect_error(run("quantize", words(tiny("qwen2_tied"), "bf16", loop + end)), 1,
                 "Too many levels of symbolic links");
  }
  expect_error(run("quantize", words(tiny("qwen2_tied"), "bf16", tiny("qwen2_tied") + "/config.json/")), 1, "");
  EXPECT_EQ(folder.entries(), 2u);
}

TEST(QuantizeRefuses, ToReplaceAnyFileOfItsSource) {
  const TemporaryFolder folder;
  fs::copy(tiny_models() / "qwen2_tied", folder.path() / "own");
  const std::string own = (folder.path() / "own").string();
  std::map<std::string, std::string> before;
  for (const auto& entry : fs::directory_iterator(own)) before[entry.path().string()] = content_of(entry.path());
  for (const auto& [file, content] : before)
    expect_error(run("quantize", words(own, "w8g32", file)), 1, "a file the model is read from");
  for (const auto& [file, content] : before) EXPECT_EQ(content_of(file), content) << file;
  EXPECT_EQ(run("quantize", words(own, "w8g32", own + "/beside.gguf")).exit_code, 0) << "a new file may lie there";
}

TEST(QuantizeUnderAFileSizeLimit, SaysSoAndLeavesNothing) {
  const TemporaryFolder folder;
  make_whole_folder(folder.path() / "m", 64, 8192);
  const std::string model = (folder.path() / "m").string();
  for (const char* out : {"o.gguf", "o/"}) {
    const Ran ran =
        run("quantize", words(model, "f32", (folder.path() / out).string()), {.file_size_limit = uint64_t{1} << 20});
    EXPECT_FALSE(ran.by_signal);
    expect_error(ran, 1, "File too large");
  }
  EXPECT_EQ(folder.entries(), 1u);
}

class QuantizeEnded : public testing::TestWithParam<int> {
 protected:
  static bool writes(const fs::path& folder) {
    std::error_code error;  // the folder may not be there yet
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().filename().string().find(".tmp-") != std::string::npos) return true;
    return false;
  }
  static void expect_ended(const Ran& ran) {
    EXPECT_FALSE(ran.by_signal);
    EXPECT_EQ(ran.exit_code, 128 + GetParam());
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("ended by signal"), std::string::npos) << ran.err;
  }
};

TEST_P(QuantizeEnded, LeavesWhatWasThereAndNothingElse) {
  const TemporaryFolder folder;
  make_whole_folder(folder.path() / "m", 512, 24000);  // its embedding takes long enough to be in the middle of it
  const std::string model = (folder.path() / "m").string();
  fs::create_directory(folder.path() / "old");
  for (const char* file : {"old/o.gguf", "old/config.json", "old/model.safetensors"}) folder.file(file, "old");
  const fs::path outs[] = {folder.path() / "old/o.gguf", folder.path() / "old/", folder.path() / "new/"};
  for (const fs::path& out : outs) {
    const bool to_folder = out.string().ends_with('/');
    Process process("quantize", words(model, to_folder ? "f16" : "w4g32a", out, {"--threads", "1"}), {});
    ASSERT_TRUE(process.wait_until([&] { return writes(out.parent_path()); })) << process.err();
    process.interrupt(GetParam());
    expect_ended(process.wait());
  }
  EXPECT_EQ(folder.entries(), 2u) << "m and old";
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path() / "old"), {}), 3);
  for (const char* file : {"old/o.gguf", "old/config.json", "old/model.safetensors"})
    EXPECT_EQ(content_of(folder.path() / file), "old");
}

INSTANTIATE_TEST_SUITE_P(BySignal, QuantizeEnded, testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST(QuantizeUnderNohup, OutlivesAHangup) {
  const TemporaryFolder folder;
  make_whole_folder(folder.path() / "m", 256, 24000);
  const auto before = signal(SIGHUP, SIG_IGN);  // a child starts with what is ignored here
  const std::string out = (folder.path() / "o.gguf").string();
  Process process("quantize", words((folder.path() / "m").string(), "w4g32", out), {.keep_ignored = true});
  signal(SIGHUP, before);
  process.wait_until([&] { return process.catches(SIGINT); });
  process.interrupt(SIGHUP);
  EXPECT_EQ(process.wait().exit_code, 0);
  EXPECT_TRUE(fs::exists(out));
}

}  // namespace
}  // namespace slm::test
