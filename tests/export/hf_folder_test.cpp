// SPDX-License-Identifier: Apache-2.0
#include "slm/export/hf_folder.h"

#include <gtest/gtest.h>

#include <cstring>
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
  expect_error<ArgumentError>([&] { export_hf_folder(source, tokenizer, folder.path() / "n"); }, {"shards of another"});
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
