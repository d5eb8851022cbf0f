// SPDX-License-Identifier: Apache-2.0
#include "slm/export/hf_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <tuple>

#include "slm/io/json.h"
#include "tests/export/tiny_models.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

class HfRoundTrip : public testing::TestWithParam<std::tuple<const char*, WeightScheme>> {};

TEST_P(HfRoundTrip, HoldsTheRoundedWeightsInTheModelsOrder) {
  const auto [name_of_model, scheme] = GetParam();
  const TemporaryFolder folder;
  const fs::path out = folder.path() / "a/b";
  const ModelFiles source = ModelFiles::open(tiny_model(name_of_model));
  const Tokenizer tokenizer = Tokenizer::load(tiny_model(name_of_model));
  const ExportReport report = export_hf_folder(source, tokenizer.data(), out, {.weights = scheme, .progress = nullptr});
  const ModelFiles written = ModelFiles::open(out);
  EXPECT_EQ(written.config(), source.config());
  uint64_t file_bytes = 0;
  for (const auto& entry : fs::directory_iterator(out)) file_bytes += entry.file_size();
  EXPECT_EQ(report.file_bytes, file_bytes);
  for (const ModelTensor& tensor : source.tensors()) {
    std::vector<float> expected = values_of(source, tensor.name);
    fake_quant(scheme, static_cast<int64_t>(expected.size()), expected, expected, {});
    const std::vector<float> found = values_of(written, tensor.name);
    ASSERT_EQ(found.size(), expected.size());
    EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0) << tensor.name;
    EXPECT_EQ(written.tensor(tensor.name).stored.tensor.dtype(), *info(scheme).gguf_dtype) << tensor.name;
  }
  const Tokenizer after = Tokenizer::load(out);
  EXPECT_EQ(after.chat_template(), tokenizer.chat_template());
  EXPECT_EQ(after.eos_ids(), tokenizer.eos_ids());
  EXPECT_EQ(after.bos_id(), tokenizer.bos_id());
  EXPECT_EQ(after.data().pre, tokenizer.data().pre);
  for (const char* text : {"the river rose <|im_end|>", "  it's 2024:\n\n 3.14 ", "Größe e\u0301 水は🌊"})
    for (const bool control : {false, true})
      EXPECT_EQ(after.encode(text, {.control_tokens = control}), tokenizer.encode(text, {.control_tokens = control}))
          << text;
}

INSTANTIATE_TEST_SUITE_P(Tiny, HfRoundTrip,
                         testing::Combine(testing::ValuesIn(kTinyModels),
                                          testing::Values(WeightScheme::F32, WeightScheme::BF16, WeightScheme::F16)),
                         [](const auto& all) {
                           return test_name(std::get<0>(all.param)) + "_" + std::string(name(std::get<1>(all.param)));
                         });

TEST(HfFolder, ConfigKeepsWhatTheSourceSaysButForTheDtype) {
  const TemporaryFolder folder;
  const auto config_of = [&](const char* model) {
    export_hf_folder(ModelFiles::open(tiny_model(model)), Tokenizer::load(tiny_model(model)).data(),
                     folder.path() / "o", {.weights = WeightScheme::F16, .progress = nullptr});
    return parse_json_file(folder.path() / "o/config.json");
  };
  Json found = config_of("qwen2_tied"), source = parse_json_file(tiny_model("qwen2_tied") / "config.json");
  EXPECT_EQ(found["dtype"], "float16");
  found.erase("dtype");
  source.erase("dtype");
  EXPECT_EQ(found, source);
  EXPECT_EQ(config_of("qwen2_untied")["torch_dtype"], "float16") << "the key of transformers 4 stays";
}

TEST(HfFolder, RefusesQuantizedSchemes) {
  const TemporaryFolder folder;
  expect_error<ArgumentError>(
      [&] {
        export_hf_folder(ModelFiles::open(tiny_model("qwen2_tied")), Tokenizer::load(tiny_model("qwen2_tied")).data(),
                         folder.path() / "o", {.weights = WeightScheme::W8G32, .progress = nullptr});
      },
      {"w8g32", "f32, bf16 or f16"});
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(HfFolder, RefusesToReplaceItsSourceAndShardsOfAnother) {
  const TemporaryFolder folder;
  fs::copy(tiny_model("qwen2_untied"), folder.path() / "m");
  const ModelFiles source = ModelFiles::open(folder.path() / "m");
  const TokenizerData tokenizer = Tokenizer::load(folder.path() / "m").data();
  expect_error<ArgumentError>([&] { export_hf_folder(source, tokenizer, folder.path() / "m/"); },
                              {"the folder the model is read from"});
  fs::copy(tiny_model("qwen2_untied"), folder.path() / "n");
  expect_error<ArgumentError>([&] { export_hf_folder(source, tokenizer, folder.path() / "n"); },
                              {"model.safetensors.index.json", "of another model"});
}

/// Every file of a folder, by name.
std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    files[fs::relative(entry.path(), folder).string()] = entry.is_directory() ? "" : content_of(entry.path());
  return files;
}

TEST(HfFolder, ReplacesAnOlderModelOfTheSameFiles) {
  const TemporaryFolder folder;
  const fs::path out = folder.path() / "o";
  const auto save = [&](const char* model, WeightScheme weights) {
    export_hf_folder(ModelFiles::open(tiny_model(model)), Tokenizer::load(tiny_model(model)).data(), out,
                     {.weights = weights, .progress = nullptr});
    return files_of(out);
  };
  const auto first = save("gguf/qwen2_mixed.gguf", WeightScheme::F32);
  const auto second = save("gguf/llama_tied_f32.gguf", WeightScheme::BF16);
  EXPECT_NE(second, first);
  EXPECT_EQ(save("gguf/qwen2_mixed.gguf", WeightScheme::F32), first);
}

TEST(HfFolder, AFailureLeavesTheOlderModelAsItWas) {
  const ModelFiles source = ModelFiles::open(tiny_model("gguf/qwen2_mixed.gguf"));
  const TokenizerData tokenizer = Tokenizer::load(tiny_model("gguf/qwen2_mixed.gguf")).data();
  for (const char* blocked : {"model.safetensors", "config.json", "tokenizer.json", "generation_config.json"}) {
    const TemporaryFolder folder;
    for (const char* name : {"model.safetensors", "config.json"})
      if (std::string(name) != blocked) folder.file(name, "older");
    fs::create_directory(folder.path() / blocked);
    const auto before = files_of(folder.path());
    expect_error<IoError>([&] { export_hf_folder(source, tokenizer, folder.path()); }, {blocked, "Is a directory"});
    EXPECT_EQ(files_of(folder.path()), before);
  }
}

TEST(HfFolder, StoppedByProgressItLeavesTheOlderModelAsItWas) {
  const TemporaryFolder folder;
  for (const char* name : {"model.safetensors", "config.json", "tokenizer.json", "notes.txt"})
    folder.file(name, "older");
  const auto before = files_of(folder.path());
  HfExportOptions options;
  options.progress = [](const ProgressEvent& event) {
    if (event.done == event.total) throw std::runtime_error("stopped");  // at the very end
  };
  EXPECT_THROW(export_hf_folder(ModelFiles::open(tiny_model("gguf/qwen2_mixed.gguf")),
                                Tokenizer::load(tiny_model("gguf/qwen2_mixed.gguf")).data(), folder.path(), options),
               std::runtime_error);
  EXPECT_EQ(files_of(folder.path()), before);
}

TEST(HfFolder, ARenameThatFailsMidwayIsSaidAndRemovesNothingOlder) {
  const TemporaryFolder folder;
  const fs::path out = folder.path() / "o";
  fs::create_directory(out);
  folder.file("o/config.json", "older");
  HfExportOptions options;
  options.progress = [&](const ProgressEvent&) { fs::create_directory(out / "generation_config.json"); };
  const auto save = [&] {
    export_hf_folder(ModelFiles::open(tiny_model("gguf/qwen2_mixed.gguf")),
                     Tokenizer::load(tiny_model("gguf/qwen2_mixed.gguf")).data(), out, options);
  };
  expect_error<IoError>(save,
                        {"files of two models", "config.json replaced", "generation_config.json", "Is a directory"});
  EXPECT_EQ(files_of(out).size(), 2u) << "config.json, the folder in the way, and nothing else new";
  fs::remove_all(out);
  options.progress = [&](const ProgressEvent&) { fs::create_directory(out / "generation_config.json"); };
  expect_error<IoError>(save, {"generation_config.json", "Is a directory"});
  EXPECT_EQ(files_of(out).size(), 1u) << "a folder made here stays for what another put into it";
}

TEST(HfFolder, RefusesFilesOfAnotherModelThatWouldBeReadWithThisOne) {
  const ModelFiles source = ModelFiles::open(tiny_model("gguf/qwen2_mixed.gguf"));
  const TokenizerData tokenizer = Tokenizer::load(tiny_model("gguf/qwen2_mixed.gguf")).data();
  for (const char* stale : {"tokenizer.model", "chat_template.jinja", "added_tokens.json", "special_tokens_map.json",
                            "vocab.json", "merges.txt", "adapter_config.json", "chat_template.json"}) {
    const TemporaryFolder folder;
    folder.file(stale, "stale");
    expect_error<ArgumentError>([&] { export_hf_folder(source, tokenizer, folder.path()); },
                                {"[export]", stale, "another model"});
    EXPECT_EQ(folder.entries(), 1u);
  }
  const TemporaryFolder folder;
  folder.file("README.md", "read by people only");
  EXPECT_NO_THROW(export_hf_folder(source, tokenizer, folder.path()));
}

TEST(HfFolder, RefusesToWriteThroughALinkIntoItsSource) {
  const TemporaryFolder folder;
  fs::copy(tiny_model("qwen2_tied"), folder.path() / "m");
  fs::create_directory(folder.path() / "o");
  fs::create_symlink(folder.path() / "m/tokenizer.json", folder.path() / "o/tokenizer.json");
  const auto before = files_of(folder.path() / "m");
  expect_error<ArgumentError>(
      [&] {
        export_hf_folder(ModelFiles::open(folder.path() / "m"), Tokenizer::load(folder.path() / "m").data(),
                         folder.path() / "o");
      },
      {"tokenizer.json", "read from"});
  EXPECT_EQ(files_of(folder.path() / "m"), before);
}

TEST(HfFolder, GenerationConfigHasEveryEosId) {
  const TemporaryFolder folder;
  TokenizerData tokenizer = Tokenizer::load(tiny_model("gguf/qwen2_mixed.gguf")).data();
  const int32_t eos = tokenizer.eos_id.value();
  tokenizer.eos_ids = {eos, 100, 101, 102};
  export_hf_folder(ModelFiles::open(tiny_model("gguf/qwen2_mixed.gguf")), tokenizer, folder.path() / "o");
  const Json ids = parse_json_file(folder.path() / "o/generation_config.json").at("eos_token_id");
  for (const int32_t id : tokenizer.eos_ids) EXPECT_NE(std::ranges::find(ids, Json(id)), ids.end()) << id;
  EXPECT_EQ(ids[0], eos);
}

TEST(HfFolder, LeavesNothingOnFailure) {
  const TemporaryFolder folder;
  make_qwen2_folder(folder.path() / "m", 32, 257, 1e6f);
  const ModelFiles source = ModelFiles::open(folder.path() / "m");
  expect_error<ArgumentError>(
      [&] {
        export_hf_folder(source, plain_tokenizer(), folder.path() / "o",
                         {.weights = WeightScheme::F16, .progress = nullptr});
      },
      {"model.embed_tokens.weight"});
  EXPECT_EQ(folder.entries(), 1u);
  expect_error<IoError>([&] { export_hf_folder(source, plain_tokenizer(), folder.path() / "m/config.json/o"); },
                        {"cannot make the folder"});
  const std::string too_long(300, 'x');
  expect_error<IoError>([&] { export_hf_folder(source, plain_tokenizer(), folder.path() / "made" / too_long); },
                        {too_long});
  EXPECT_EQ(folder.entries(), 1u) << "no folder above it";
}

TEST(HfFolder, RefusesATokenizerThatIsNoByteLevelBpe) {
  const TemporaryFolder folder;
  TokenizerData tokenizer = Tokenizer::load(tiny_model("gguf/llama_tied_f32.gguf")).data();
  tokenizer.model = "llama";
  expect_error<ArgumentError>(
      [&] {
        export_hf_folder(ModelFiles::open(tiny_model("gguf/llama_tied_f32.gguf")), tokenizer, folder.path() / "o");
      },
      {"llama", "byte-level BPE"});
  EXPECT_EQ(folder.entries(), 0u);
}

}  // namespace
}  // namespace slm
