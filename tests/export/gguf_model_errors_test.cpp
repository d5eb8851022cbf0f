// SPDX-License-Identifier: Apache-2.0
// What export refuses, and that it leaves nothing behind then.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>

#include "slm/export/gguf_model.h"
#include "tests/export/tiny_models.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

GgufExportOptions as(WeightScheme scheme, std::vector<std::string> keep_fp = {}) {
  return {.plan = {.weights = scheme, .keep_fp = std::move(keep_fp)}};
}

TEST(GgufModelErrors, RefusesToReplaceItsSource) {
  const TemporaryFolder folder;
  fs::copy_file(tiny_model("gguf/llama_tied_f32.gguf"), folder.path() / "m.gguf");
  fs::create_symlink(folder.path() / "m.gguf", folder.path() / "link.gguf");
  fs::create_hard_link(folder.path() / "m.gguf", folder.path() / "hard.gguf");
  const std::string before = content_of(folder.path() / "m.gguf");
  const ModelFiles source = ModelFiles::open(folder.path() / "m.gguf");
  const TokenizerData tokenizer = Tokenizer::load(folder.path() / "m.gguf").data();
  for (const char* name : {"m.gguf", "link.gguf", "hard.gguf"})
    expect_error<ArgumentError>([&] { export_gguf(source, tokenizer, folder.path() / name, as(WeightScheme::W8G32)); },
                                {"[export]", name, "the model is read from"});
  EXPECT_EQ(content_of(folder.path() / "m.gguf"), before);

  make_qwen2_folder(folder.path() / "f", 32, 257);
  write_file(folder.path() / "f/tokenizer.json", "a tokenizer");
  fs::create_hard_link(folder.path() / "f/config.json", folder.path() / "elsewhere.json");
  for (const char* name : {"f/model.safetensors", "f/config.json", "f/tokenizer.json", "elsewhere.json"})
    expect_error<ArgumentError>(
        [&] { export_gguf(ModelFiles::open(folder.path() / "f"), plain_tokenizer(), folder.path() / name); },
        {name, "the model is read from"});
  EXPECT_EQ(content_of(folder.path() / "f/tokenizer.json"), "a tokenizer");
  EXPECT_NO_THROW(export_gguf(ModelFiles::open(folder.path() / "f"), plain_tokenizer(), folder.path() / "f/new.gguf"));
}

TEST(GgufModelErrors, RefusesASchemeThatDoesNotFitAMatrix) {
  const TemporaryFolder folder;
  make_qwen2_folder(folder.path() / "m", 48, 257);
  const ModelFiles source = ModelFiles::open(folder.path() / "m");
  for (const WeightScheme scheme : {WeightScheme::W8G32, WeightScheme::W4G32, WeightScheme::W4G32A})
    expect_error<ArgumentError>([&] { export_gguf(source, plain_tokenizer(), folder.path() / "o.gguf", as(scheme)); },
                                {"[export]", "model.embed_tokens.weight", "48", name(scheme), "multiple of 32"});
  EXPECT_EQ(folder.entries(), 1u);
  EXPECT_NO_THROW(export_gguf(source, plain_tokenizer(), folder.path() / "o.gguf", as(WeightScheme::W4G32, {"*"})));
  EXPECT_NO_THROW(export_gguf(source, plain_tokenizer(), folder.path() / "o.gguf", as(WeightScheme::W8C)));
}

TEST(GgufModelErrors, NamesTheTensorWhoseValueAHalfCannotHold) {
  const TemporaryFolder folder;
  make_qwen2_folder(folder.path() / "m", 32, 257, 1e6f);
  const ModelFiles source = ModelFiles::open(folder.path() / "m");
  expect_error<ArgumentError>(
      [&] { export_gguf(source, plain_tokenizer(), folder.path() / "o.gguf", as(WeightScheme::F16)); },
      {"model.embed_tokens.weight"});
  make_qwen2_folder(folder.path() / "n", 32, 257, std::numeric_limits<float>::quiet_NaN());
  const ModelFiles with_nan = ModelFiles::open(folder.path() / "n");
  for (const WeightScheme scheme : {WeightScheme::W4G32, WeightScheme::F32})  // rows that are copied, too
    expect_error<FormatError>([&] { export_gguf(with_nan, plain_tokenizer(), folder.path() / "o.gguf", as(scheme)); },
                              {"model.embed_tokens.weight", "row 0 of the file", "value 0", "finite"});
  EXPECT_EQ(folder.entries(), 2u) << "no file, no temporary file";
}

TEST(GgufModelErrors, RefusesAPatternThatMatchesNothing) {
  const TemporaryFolder folder;
  expect_error<ArgumentError>(
      [&] {
        export_gguf(ModelFiles::open(tiny_model("qwen2_tied")), Tokenizer::load(tiny_model("qwen2_tied")).data(),
                    folder.path() / "o.gguf", as(WeightScheme::W4G32, {"*.down_proj.wieght"}));
      },
      {"*.down_proj.wieght", "matches no"});
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(GgufModelErrors, RefusesATokenizerThatGgufCannotDescribe) {
  const TemporaryFolder folder;
  make_qwen2_folder(folder.path() / "m", 32, 257);
  const ModelFiles source = ModelFiles::open(folder.path() / "m");
  const auto refuses = [&](const std::function<void(TokenizerData&)>& change,
                           std::initializer_list<std::string_view> texts) {
    TokenizerData tokenizer = plain_tokenizer();
    change(tokenizer);
    expect_error<ArgumentError>([&] { export_gguf(source, tokenizer, folder.path() / "o.gguf"); }, texts);
  };
  refuses([](TokenizerData& t) { t.model = "sentencepiece"; }, {"[export]", "sentencepiece", "unigram"});
  refuses([](TokenizerData& t) { t.pre.clear(); }, {"[export]", "pre-tokenizer"});
  refuses(
      [](TokenizerData& t) {
        t.tokens.push_back("more");
        t.types.push_back(TokenType::Normal);
      },
      {"258 tokens", "257 rows"});
  refuses([](TokenizerData& t) { t.types.pop_back(); }, {"257 tokens", "256 token types"});
  refuses([](TokenizerData& t) { t.eos_id = 257; }, {"eos_token_id", "257"});
  refuses([](TokenizerData& t) { t.bos_id = -1; }, {"bos_token_id", "-1"});
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(GgufModelErrors, LeavesNothingWhenProgressThrows) {
  const TemporaryFolder folder;
  int calls = 0;
  GgufExportOptions options = as(WeightScheme::W8G32);
  options.progress = [&](const ProgressEvent&) {
    if (++calls == 5) throw std::runtime_error("stopped");
  };
  EXPECT_THROW(export_gguf(ModelFiles::open(tiny_model("qwen2_tied")), Tokenizer::load(tiny_model("qwen2_tied")).data(),
                           folder.path() / "o.gguf", options),
               std::runtime_error);
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(GgufModelErrors, NamesAFolderThatIsNotThere) {
  const TemporaryFolder folder;
  expect_error<IoError>(
      [&] {
        export_gguf(ModelFiles::open(tiny_model("qwen2_tied")), Tokenizer::load(tiny_model("qwen2_tied")).data(),
                    folder.path() / "none/o.gguf");
      },
      {"none/o.gguf", "No such file"});
}

/// A file system of 1 MB for as long as it lives.
class SmallDisk {
 public:
  explicit SmallDisk(fs::path path) : path_(std::move(path)) {
    fs::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
    error_ = mounted_ ? 0 : errno;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  int error() const { return error_; }

 private:
  fs::path path_;
  bool mounted_ = false;
  int error_ = 0;
};

TEST(GgufModelErrors, AFullDiskIsAnIoErrorAndLeavesNoHalfFile) {
  const TemporaryFolder folder;
  make_qwen2_folder(folder.path() / "m", 64, 8192);  // 2 MB
  const ModelFiles source = ModelFiles::open(folder.path() / "m");
  const SmallDisk disk(folder.path() / "disk");
  if (disk.error() != 0) GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(disk.error());
  const fs::path out = folder.path() / "disk/o.gguf";
  expect_error<IoError>([&] { export_gguf(source, plain_tokenizer(), out, as(WeightScheme::F32)); },
                        {"disk/o.gguf", "No space left on device"});
  EXPECT_TRUE(fs::is_empty(folder.path() / "disk"));
  EXPECT_NO_THROW(export_gguf(source, plain_tokenizer(), out, as(WeightScheme::W8G32))) << "this fits";
  const std::string before = content_of(out);
  expect_error<IoError>([&] { export_gguf(source, plain_tokenizer(), out, as(WeightScheme::F32)); }, {"No space left"});
  EXPECT_EQ(content_of(out), before) << "a file that was there stays as it was";
}

TEST(GgufModelErrors, AFileSizeLimitIsAnIoErrorAndLeavesNoHalfFile) {
  const TemporaryFolder folder;
  make_qwen2_folder(folder.path() / "m", 64, 8192);
  const ModelFiles source = ModelFiles::open(folder.path() / "m");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_DFL);  // which would end the process
  rlimit small = before;
  small.rlim_cur = 1 << 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_error<IoError>(
      [&] { export_gguf(source, plain_tokenizer(), folder.path() / "o.gguf", as(WeightScheme::F32)); },
      {"o.gguf", "File too large"});
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(folder.entries(), 1u);
}

}  // namespace
}  // namespace slm
