// SPDX-License-Identifier: Apache-2.0
// The keys of an exported file: what llama.cpp needs, of the types it wants; the tokenizer; what a GGUF source said.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "slm/export/gguf_model.h"
#include "tests/export/tiny_models.h"

namespace slm {
namespace {

TEST(GgufModel, HasEveryKeyLlamaCppNeeds) {
  using enum GgufType;
  const std::map<std::string, GgufType> of_every_file = {
      {"general.architecture", String},
      {"general.type", String},
      {"general.name", String},
      {"general.file_type", U32},
      {"general.quantization_version", U32},
      {"general.alignment", U32},
      {"*.block_count", U32},
      {"*.context_length", U32},
      {"*.embedding_length", U32},
      {"*.feed_forward_length", U32},
      {"*.attention.head_count", U32},
      {"*.attention.head_count_kv", U32},
      {"*.attention.key_length", U32},
      {"*.attention.value_length", U32},
      {"*.attention.layer_norm_rms_epsilon", F32},
      {"*.rope.dimension_count", U32},
      {"*.rope.freq_base", F32},
      {"*.vocab_size", U32},
      {"tokenizer.ggml.model", String},
      {"tokenizer.ggml.pre", String},
      {"tokenizer.ggml.tokens", Array},
      {"tokenizer.ggml.token_type", Array},
      {"tokenizer.ggml.merges", Array},
      {"tokenizer.ggml.bos_token_id", U32},
      {"tokenizer.ggml.eos_token_id", U32},
      {"tokenizer.ggml.padding_token_id", U32},
      {"tokenizer.ggml.add_bos_token", Bool},
      {"tokenizer.chat_template", String},
  };
  for (const char* model : {"qwen2_tied", "llama_tied", "gguf/llama_tied_q8_0.gguf", "gguf/qwen2_untied_q4_0.gguf"}) {
    for (const WeightScheme scheme : {WeightScheme::W4G32, WeightScheme::W8C}) {
      const TemporaryFolder folder;
      const ModelFiles source = ModelFiles::open(tiny_model(model));
      export_gguf(source, Tokenizer::load(tiny_model(model)).data(), folder.path() / "o.gguf",
                  {.plan = {.weights = scheme, .keep_fp = {}}});
      const GgufFile out = GgufFile::open(folder.path() / "o.gguf");
      std::map<std::string, GgufType> expected, found;
      for (const auto& [key, type] : of_every_file) {
        const bool of_architecture = key.starts_with("*");
        expected[of_architecture ? std::string(name(source.config().family)) + key.substr(1) : key] = type;
      }
      if (scheme == WeightScheme::W8C) expected.insert({{"slm.version", U32}, {"slm.scheme", String}});
      for (const auto& [key, value] : out.metadata()) found[key] = value.type;
      EXPECT_EQ(found, expected) << model;
      EXPECT_EQ(out.metadata()[0].first, "general.architecture") << "readers expect it first";
      EXPECT_EQ(out.get_uint("general.file_type"), scheme == WeightScheme::W8C ? 1024u : 2u);
      EXPECT_EQ(out.get_uint("general.quantization_version"), 2u);
    }
  }
}

TEST(GgufModel, FileTypeIsLlamaCppsNumberOfTheSchemeMostWeightsHave) {
  const std::map<WeightScheme, uint64_t> numbers = {{WeightScheme::F32, 0},   {WeightScheme::F16, 1},
                                                    {WeightScheme::W4G32, 2}, {WeightScheme::W4G32A, 3},
                                                    {WeightScheme::W8G32, 7}, {WeightScheme::BF16, 32}};
  const ModelFiles source = ModelFiles::open(tiny_model("qwen2_untied"));
  const TokenizerData tokenizer = Tokenizer::load(tiny_model("qwen2_untied")).data();
  for (const auto& [scheme, number] : numbers) {
    const TemporaryFolder folder;
    export_gguf(source, tokenizer, folder.path() / "o.gguf",
                {.plan = {.weights = scheme, .keep_fp = {"*.0.mlp.down_proj.weight"}}});
    EXPECT_EQ(GgufFile::open(folder.path() / "o.gguf").get_uint("general.file_type"), number) << name(scheme);
  }
}

TEST(GgufModel, ValuesOfTheKeysAreThoseOfTheConfig) {
  const TemporaryFolder folder;
  export_gguf(ModelFiles::open(tiny_model("llama_tied")), Tokenizer::load(tiny_model("llama_tied")).data(),
              folder.path() / "o.gguf", {.plan = {.weights = WeightScheme::F32, .keep_fp = {}}, .name = "a name"});
  const GgufFile out = GgufFile::open(folder.path() / "o.gguf");
  EXPECT_EQ(out.get_string("general.architecture"), "llama");
  EXPECT_EQ(out.get_string("general.name"), "a name");
  EXPECT_EQ(out.get_uint("llama.block_count"), 2u);
  EXPECT_EQ(out.get_uint("llama.context_length"), 512u);
  EXPECT_EQ(out.get_uint("llama.embedding_length"), 32u);
  EXPECT_EQ(out.get_uint("llama.feed_forward_length"), 64u);
  EXPECT_EQ(out.get_uint("llama.attention.head_count"), 4u);
  EXPECT_EQ(out.get_uint("llama.attention.head_count_kv"), 2u);
  EXPECT_EQ(out.get_uint("llama.attention.key_length"), 16u) << "not 32 / 4";
  EXPECT_EQ(out.get_uint("llama.rope.dimension_count"), 16u);
  EXPECT_EQ(out.get_uint("llama.vocab_size"), 320u);
  EXPECT_EQ(out.get_float("llama.rope.freq_base"), 1e5);
  EXPECT_EQ(out.get_float("llama.attention.layer_norm_rms_epsilon"), static_cast<double>(1e-5f));
  EXPECT_EQ(out.find_tensor("output.weight"), nullptr) << "the head is tied";
}

TEST(GgufModel, NameIsThatOfTheSourceOrItsFolder) {
  const TemporaryFolder folder;
  const auto name_of = [&](const char* model) {
    export_gguf(ModelFiles::open(tiny_model(model)), Tokenizer::load(tiny_model(model)).data(),
                folder.path() / "o.gguf");
    return GgufFile::open(folder.path() / "o.gguf").get_string("general.name");
  };
  EXPECT_EQ(name_of("qwen2_tied"), "qwen2_tied");
  EXPECT_EQ(name_of("gguf/qwen2_mixed.gguf"), "qwen2_mixed");
}

TEST(GgufModel, TokenizerSurvives) {
  for (const char* model : kTinyModels) {
    const TemporaryFolder folder;
    const Tokenizer before = Tokenizer::load(tiny_model(model));
    export_gguf(ModelFiles::open(tiny_model(model)), before.data(), folder.path() / "o.gguf");
    const Tokenizer after = Tokenizer::load(folder.path() / "o.gguf");
    const TokenizerData a = before.data(), b = after.data();
    EXPECT_EQ(b.model, a.model);
    EXPECT_EQ(b.pre, a.pre);
    EXPECT_EQ(b.merges, a.merges);
    EXPECT_EQ(b.bos_id, a.bos_id);
    EXPECT_EQ(b.eos_id, a.eos_id);
    EXPECT_EQ(b.pad_id, a.pad_id);
    EXPECT_EQ(b.chat_template, a.chat_template);
    EXPECT_FALSE(a.chat_template.empty());
    for (const char* text : {"the river rose <|im_end|>", "  it's 2024:\n\n 3.14 ", "Größe e\u0301 水は🌊"}) {
      for (const bool control : {false, true})
        EXPECT_EQ(after.encode(text, {.control_tokens = control}), before.encode(text, {.control_tokens = control}))
            << model << ": " << text;
    }
  }
}

/// A tiny model whose generation_config.json names these EOS ids.
void make_folder_with_eos(const std::filesystem::path& folder, const std::string& ids) {
  std::filesystem::copy(tiny_model("qwen2_tied"), folder);
  std::filesystem::remove(folder / "generation_config.json");
  write_file(folder / "generation_config.json", R"({"eos_token_id": )" + ids + "}");
}

TEST(GgufModel, EveryEosIdSurvives) {
  for (const char* ids : {"[319, 317]", "[319, 100, 317]", "[319, 100, 101, 317]", "[319, 102, 101, 100]"}) {
    const TemporaryFolder folder;
    make_folder_with_eos(folder.path() / "m", ids);
    const Tokenizer before = Tokenizer::load(folder.path() / "m");
    export_gguf(ModelFiles::open(folder.path() / "m"), before.data(), folder.path() / "o.gguf");
    const Tokenizer after = Tokenizer::load(folder.path() / "o.gguf");
    const auto sorted = [](std::vector<int32_t> all) { return std::ranges::sort(all), all; };
    EXPECT_EQ(sorted(after.eos_ids()), sorted(before.eos_ids())) << ids;
    EXPECT_EQ(after.eos_ids()[0], 319) << ids;
    export_gguf(ModelFiles::open(folder.path() / "o.gguf"), after.data(), folder.path() / "again.gguf");
    EXPECT_EQ(Tokenizer::load(folder.path() / "again.gguf").eos_ids(), after.eos_ids()) << ids;
  }
}

TEST(GgufModel, EosIdsUseLlamaCppsKeysAsFarAsTheyReach) {
  const auto keys = [](const std::string& ids) {
    const TemporaryFolder folder;
    make_folder_with_eos(folder.path() / "m", ids);
    export_gguf(ModelFiles::open(folder.path() / "m"), Tokenizer::load(folder.path() / "m").data(),
                folder.path() / "o.gguf");
    const GgufFile out = GgufFile::open(folder.path() / "o.gguf");
    std::vector<uint64_t> listed;
    if (const GgufArray* array = out.array_value("slm.eos_token_ids", GgufType::U32))
      listed = std::get<std::vector<uint64_t>>(array->values);
    return std::tuple(out.get_uint("tokenizer.ggml.eos_token_id"), out.uint_value("tokenizer.ggml.eom_token_id"),
                      listed);
  };
  using Keys = std::tuple<uint64_t, std::optional<uint64_t>, std::vector<uint64_t>>;
  EXPECT_EQ(keys("[319, 317]"), (Keys{319, std::nullopt, {}})) << "317 is <|endoftext|>: its name says it";
  EXPECT_EQ(keys("[319, 100]"), (Keys{319, 100, {}}));
  EXPECT_EQ(keys("[319, 100, 101]"), (Keys{319, 100, {319, 100, 101, 317}}));
}

TEST(GgufModel, NamesRowsWithoutATokenAsLlamaCppsConverterDoes) {
  const TemporaryFolder folder;
  const Tokenizer tokenizer = Tokenizer::load(tiny_model("qwen2_tied"));
  ASSERT_EQ(tokenizer.data().tokens.size(), 320u);
  export_gguf(ModelFiles::open(tiny_model("qwen2_tied")), tokenizer.data(), folder.path() / "o.gguf");
  const GgufFile out = GgufFile::open(folder.path() / "o.gguf");
  const auto& tokens =
      std::get<std::vector<std::string_view>>(out.array_value("tokenizer.ggml.tokens", GgufType::String)->values);
  const auto& types =
      std::get<std::vector<int64_t>>(out.array_value("tokenizer.ggml.token_type", GgufType::I32)->values);
  ASSERT_EQ(tokens.size(), 336u);
  ASSERT_EQ(types.size(), 336u);
  EXPECT_EQ(tokens[319], "<|im_end|>");
  EXPECT_EQ(types[319], 3) << "control";
  EXPECT_EQ(tokens[320], "[PAD320]");
  EXPECT_EQ(tokens[335], "[PAD335]");
  EXPECT_EQ(types[320], 5) << "unused";
  EXPECT_EQ(std::set<std::string_view>(tokens.begin(), tokens.end()).size(), 336u) << "every name once";
}

TEST(GgufModel, SentencePieceKeysAreWritten) {
  const TemporaryFolder folder;
  make_qwen2_folder(folder.path() / "m", 32, 260);
  TokenizerData t = plain_tokenizer();
  t.model = "llama";
  t.pre.clear();
  t.scores.assign(257, -2.5f);
  t.add_space_prefix = true;
  t.add_bos = true;
  t.bos_id = 1;
  t.unk_id = 0;
  t.eot_id = 255;
  export_gguf(ModelFiles::open(folder.path() / "m"), t, folder.path() / "o.gguf");
  const GgufFile out = GgufFile::open(folder.path() / "o.gguf");
  EXPECT_EQ(out.find("tokenizer.ggml.pre"), nullptr);
  EXPECT_EQ(out.find("tokenizer.ggml.merges"), nullptr);
  EXPECT_EQ(out.bool_value("tokenizer.ggml.add_space_prefix"), true);
  EXPECT_EQ(out.bool_value("tokenizer.ggml.add_bos_token"), true);
  EXPECT_EQ(out.get_uint("tokenizer.ggml.unknown_token_id"), 0u);
  EXPECT_EQ(out.get_uint("tokenizer.ggml.eot_token_id"), 255u);
  const auto& scores = std::get<std::vector<double>>(out.array_value("tokenizer.ggml.scores", GgufType::F32)->values);
  ASSERT_EQ(scores.size(), 260u);
  EXPECT_EQ(scores[256], -2.5);
  EXPECT_EQ(scores[257], -1000.0) << "a padding token is never chosen";
}

TEST(GgufModel, GeneralKeysOfAGgufSourceTravelOn) {
  const TemporaryFolder folder;
  GgufWriter writer;  // no tensors are needed to see which keys a second export keeps: take a real export and add keys
  const GgufFile source = GgufFile::open(tiny_model("gguf/llama_tied_f32.gguf"));
  for (const auto& [key, value] : source.metadata()) writer.set(key, value);
  writer.set_string("general.license", "apache-2.0");
  writer.set_strings("general.languages", {"en"});
  writer.set_u32("general.file_type", 17);
  for (const StoredTensor& tensor : source.tensors())
    writer.declare_tensor(tensor.name, tensor.tensor.dtype(), tensor.tensor.shape());
  writer.write(folder.path() / "s.gguf", [&](size_t i, const GgufWriter::Sink& sink) {
    sink({source.tensors()[i].tensor.data(), source.tensors()[i].tensor.bytes()});
  });
  export_gguf(ModelFiles::open(folder.path() / "s.gguf"), Tokenizer::load(folder.path() / "s.gguf").data(),
              folder.path() / "o.gguf", {.plan = {.weights = WeightScheme::W8G32, .keep_fp = {}}});
  const GgufFile out = GgufFile::open(folder.path() / "o.gguf");
  EXPECT_EQ(out.get_string("general.license"), "apache-2.0");
  EXPECT_NE(out.array_value("general.languages", GgufType::String), nullptr);
  EXPECT_EQ(out.get_uint("general.file_type"), 7u) << "of the new file";
}

}  // namespace
}  // namespace slm
