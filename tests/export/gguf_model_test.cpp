// SPDX-License-Identifier: Apache-2.0
#include "slm/export/gguf_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "slm/core/parallel.h"
#include "slm/quant/sqnr.h"
#include "tests/export/tiny_models.h"

namespace slm {
namespace {

/// Runs first in the report of a failure: which tensor differs.
void expect_equal_bits(const std::vector<float>& found, const std::vector<float>& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0) << what;
}

class GgufRoundTrip : public testing::TestWithParam<std::tuple<const char*, WeightScheme>> {};

TEST_P(GgufRoundTrip, DecodesToTheFakeQuantizedWeightsBitForBit) {
  const auto [name_of_model, scheme] = GetParam();
  const TemporaryFolder folder;
  const std::filesystem::path out = folder.path() / "out.gguf";
  const ModelFiles source = ModelFiles::open(tiny_model(name_of_model));
  const TokenizerData tokenizer = Tokenizer::load(tiny_model(name_of_model)).data();
  const ExportReport report = export_gguf(source, tokenizer, out, {.plan = {.weights = scheme, .keep_fp = {}}});
  EXPECT_EQ(report.file_bytes, std::filesystem::file_size(out));
  EXPECT_EQ(folder.entries(), 1u);

  const ModelFiles written = ModelFiles::open(out);
  EXPECT_EQ(written.config(), source.config());
  ASSERT_EQ(report.tensors.size(), source.tensors().size());
  uint64_t bytes = 0, parameters = 0;
  for (size_t i = 0; i < report.tensors.size(); ++i) {
    const ExportedTensor& row = report.tensors[i];
    const ModelTensor& tensor = written.tensor(row.name);
    const bool matrix = row.shape.rank() == 2;
    EXPECT_EQ(row.name, source.tensors()[i].name);
    EXPECT_EQ(row.stored, source.tensors()[i].stored.tensor.dtype());
    EXPECT_EQ(row.written, tensor.stored.tensor.dtype());
    EXPECT_EQ(row.written, matrix ? info(scheme).gguf_dtype.value_or(Dtype::I8) : Dtype::F32) << row.name;
    const std::vector<float> before = values_of(source, row.name), after = values_of(written, row.name);
    expect_equal_bits(after, matrix ? expected_values(source, row.name, scheme) : before, row.name);
    const double db = sqnr_db(before, after);
    if (std::isinf(db))
      EXPECT_EQ(row.sqnr_db, db) << row.name;
    else
      EXPECT_NEAR(row.sqnr_db, db, 1e-9) << row.name;
    EXPECT_EQ(row.bytes, tensor.stored.tensor.bytes() + 4 * tensor.source.row_scales.size()) << row.name;
    bytes += row.bytes;
    parameters += before.size();
  }
  EXPECT_EQ(report.tensor_bytes, bytes);
  EXPECT_EQ(report.parameters, parameters);
  EXPECT_DOUBLE_EQ(report.bits_per_weight(), 8.0 * static_cast<double>(bytes) / static_cast<double>(parameters));
}

TEST_P(GgufRoundTrip, ExportOfTheExportIsTheSameTensors) {
  const auto [name_of_model, scheme] = GetParam();
  const TemporaryFolder folder;
  const TokenizerData tokenizer = Tokenizer::load(tiny_model(name_of_model)).data();
  const GgufExportOptions options = {.plan = {.weights = scheme, .keep_fp = {}}, .name = "twice"};
  const std::filesystem::path once = folder.path() / "once.gguf", twice = folder.path() / "twice.gguf";
  export_gguf(ModelFiles::open(tiny_model(name_of_model)), tokenizer, once, options);
  const ExportReport report = export_gguf(ModelFiles::open(once), Tokenizer::load(once).data(), twice, options);
  for (const ExportedTensor& row : report.tensors) EXPECT_TRUE(std::isinf(row.sqnr_db)) << row.name;
  const GgufFile a = GgufFile::open(once), b = GgufFile::open(twice);
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (const StoredTensor& tensor : a.tensors()) {
    const StoredTensor* other = b.find_tensor(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    ASSERT_EQ(other->tensor.bytes(), tensor.tensor.bytes());
    EXPECT_EQ(std::memcmp(other->tensor.data(), tensor.tensor.data(), tensor.tensor.bytes()), 0) << tensor.name;
  }
}

std::vector<WeightScheme> all_schemes() {
  std::vector<WeightScheme> all;
  for (const WeightSchemeInfo& scheme : weight_schemes()) all.push_back(scheme.scheme);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Tiny, GgufRoundTrip,
                         testing::Combine(testing::ValuesIn(kTinyModels), testing::ValuesIn(all_schemes())),
                         [](const auto& all) {
                           return test_name(std::get<0>(all.param)) + "_" + std::string(name(std::get<1>(all.param)));
                         });

/// Tensor bytes of a file that the `gguf` Python package quantized and wrote (tests/golden/make_tiny_models.py) against
/// those of our export from the folder it was made of.
void expect_bytes_of_the_package(const char* folder_name, const char* gguf_name, int expected_compared) {
  const TemporaryFolder folder;
  const GgufFile truth = GgufFile::open(tiny_model(gguf_name));
  const ModelFiles source = ModelFiles::open(tiny_model(folder_name));
  const TokenizerData tokenizer = Tokenizer::load(tiny_model(folder_name)).data();
  std::set<std::string> compared;
  for (const WeightSchemeInfo& scheme : weight_schemes()) {
    const std::filesystem::path out = folder.path() / "out.gguf";
    export_gguf(source, tokenizer, out, {.plan = {.weights = scheme.scheme, .keep_fp = {}}});
    const GgufFile ours = GgufFile::open(out);
    for (const StoredTensor& tensor : truth.tensors()) {
      const StoredTensor* found = ours.find_tensor(tensor.name);
      ASSERT_NE(found, nullptr) << tensor.name;
      EXPECT_EQ(found->tensor.shape(), tensor.tensor.shape()) << tensor.name;
      if (found->tensor.dtype() != tensor.tensor.dtype()) continue;
      EXPECT_EQ(std::memcmp(found->tensor.data(), tensor.tensor.data(), tensor.tensor.bytes()), 0) << tensor.name;
      compared.insert(tensor.name);
    }
  }
  EXPECT_EQ(compared.size(), truth.tensors().size()) << "every tensor of the file was compared";
  EXPECT_EQ(static_cast<int>(compared.size()), expected_compared);
}

TEST(GgufModel, Float32BytesAreThoseOfTheGgufPackageQAndKInterleaved) {
  expect_bytes_of_the_package("llama_tied", "gguf/llama_tied_f32.gguf", 20);
}
TEST(GgufModel, Q8AndQ41BytesAreThoseOfTheGgufPackage) {
  expect_bytes_of_the_package("llama_tied", "gguf/llama_tied_q8_0.gguf", 20);
}
TEST(GgufModel, Q40BytesAreThoseOfTheGgufPackage) {
  expect_bytes_of_the_package("qwen2_untied", "gguf/qwen2_untied_q4_0.gguf", 27);
}

TEST(GgufModel, InterleavesTheRotaryHalvesOfLlamasQueriesOnly) {
  const TemporaryFolder folder;
  const ModelFiles source = ModelFiles::open(tiny_model("llama_tied"));
  export_gguf(source, Tokenizer::load(tiny_model("llama_tied")).data(), folder.path() / "o.gguf",
              {.plan = {.weights = WeightScheme::F32, .keep_fp = {}}});
  const GgufFile out = GgufFile::open(folder.path() / "o.gguf");
  const auto row = [](const Tensor& tensor, int64_t r) {
    return std::string(reinterpret_cast<const char*>(tensor.row(r).data()), tensor.row(r).size());
  };
  const int64_t half = source.config().head_dim / 2;
  const Tensor& q = source.tensor("model.layers.1.self_attn.q_proj.weight").stored.tensor;
  const Tensor& v = source.tensor("model.layers.1.self_attn.v_proj.weight").stored.tensor;
  const Tensor& q_out = out.find_tensor("blk.1.attn_q.weight")->tensor;
  const Tensor& v_out = out.find_tensor("blk.1.attn_v.weight")->tensor;
  EXPECT_EQ(row(q_out, 0), row(q, 0));
  EXPECT_EQ(row(q_out, 1), row(q, half));
  EXPECT_EQ(row(q_out, 2), row(q, 1));
  EXPECT_EQ(row(q_out, 2 * half + 1), row(q, 3 * half)) << "the second head";
  for (int64_t r = 0; r < v.shape()[0]; ++r) EXPECT_EQ(row(v_out, r), row(v, r));
}

TEST(GgufModel, InterleavesTheBiasesOfLlamasQueriesAndKeysToo) {
  const TemporaryFolder folder;
  make_folder(folder.path() / "m", Family::Llama, 128, 257);  // two heads of 64
  const ModelFiles source = ModelFiles::open(folder.path() / "m");
  export_gguf(source, plain_tokenizer(), folder.path() / "o.gguf");
  const GgufFile raw = GgufFile::open(folder.path() / "o.gguf");
  const std::vector<float> q = source.vector("model.layers.0.self_attn.q_proj.bias");
  const std::span<const float> stored = raw.find_tensor("blk.0.attn_q.bias")->tensor.as<float>();
  EXPECT_EQ(stored[1], q[32]);
  EXPECT_EQ(stored[2], q[1]);
  EXPECT_EQ(stored[65], q[96]);
  const ModelFiles out = ModelFiles::open(folder.path() / "o.gguf");
  EXPECT_EQ(out.config(), source.config());
  for (const ModelTensor& tensor : source.tensors())
    expect_equal_bits(values_of(out, tensor.name), values_of(source, tensor.name), tensor.name);
}

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

TEST(GgufModel, KeepsMatricesThatMatchAPatternInBf16) {
  const TemporaryFolder folder;
  const ModelFiles source = ModelFiles::open(tiny_model("qwen2_untied"));
  const ExportReport report = export_gguf(
      source, Tokenizer::load(tiny_model("qwen2_untied")).data(), folder.path() / "o.gguf",
      {.plan = {.weights = WeightScheme::W4G32, .keep_fp = {"lm_head.weight", "*.0.self_attn.?_proj.weight"}}});
  EXPECT_FALSE(report.kept_tied_head);
  const ModelFiles out = ModelFiles::open(folder.path() / "o.gguf");
  for (const ExportedTensor& row : report.tensors) {
    if (row.shape.rank() != 2) continue;
    const bool kept = row.name == "lm_head.weight" || row.name.find("layers.0.self_attn") != std::string::npos;
    const WeightScheme scheme = kept ? WeightScheme::BF16 : WeightScheme::W4G32;
    EXPECT_EQ(row.written, *info(scheme).gguf_dtype) << row.name;
    expect_equal_bits(values_of(out, row.name), expected_values(source, row.name, scheme), row.name);
  }
}

TEST(GgufModel, KeepingATiedHeadKeepsTheEmbeddingAndSaysSo) {
  const ModelFiles source = ModelFiles::open(tiny_model("qwen2_tied"));
  const TokenizerData tokenizer = Tokenizer::load(tiny_model("qwen2_tied")).data();
  for (const char* pattern : {"lm_head.weight", "model.embed_tokens.weight"}) {
    const TemporaryFolder folder;
    const ExportReport report = export_gguf(source, tokenizer, folder.path() / "o.gguf",
                                            {.plan = {.weights = WeightScheme::W4G32, .keep_fp = {pattern}}});
    EXPECT_TRUE(report.kept_tied_head) << pattern;
    EXPECT_EQ(report.tensors[0].written, Dtype::BF16) << pattern;
    EXPECT_EQ(report.tensors[2].written, Dtype::Q4_0) << pattern;
  }
}

TEST(GgufModel, AsStoredKeepsNativeTypesAndTurnsOthersIntoQ80) {
  const TemporaryFolder folder;
  const ModelFiles source = ModelFiles::open(tiny_model("gguf/qwen2_mixed.gguf"));
  const ExportReport report =
      export_gguf(source, Tokenizer::load(tiny_model("gguf/qwen2_mixed.gguf")).data(), folder.path() / "o.gguf");
  std::set<Dtype> kept, turned;
  for (const ExportedTensor& row : report.tensors) {
    if (row.written == row.stored) {
      kept.insert(row.stored);
      EXPECT_TRUE(std::isinf(row.sqnr_db)) << row.name;
    } else {
      EXPECT_EQ(row.written, Dtype::Q8_0) << row.name;
      turned.insert(row.stored);
    }
  }
  EXPECT_EQ(kept, (std::set{Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::Q4_0, Dtype::Q4_1, Dtype::Q8_0}));
  EXPECT_EQ(turned,
            (std::set{Dtype::Q5_0, Dtype::Q5_1, Dtype::Q2_K, Dtype::Q3_K, Dtype::Q4_K, Dtype::Q5_K, Dtype::Q6_K}));
}

TEST(GgufModel, SameBytesAndSameReportForEveryNumberOfThreads) {
  const TemporaryFolder folder;
  make_qwen2_folder(folder.path() / "m", 512, 5000);  // 10 MB: more than one step, several threads
  const ModelFiles source = ModelFiles::open(folder.path() / "m");
  const int before = num_threads();
  std::vector<std::string> files;
  std::vector<double> sqnr;
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    const ExportReport report = export_gguf(source, plain_tokenizer(), folder.path() / "o.gguf",
                                            {.plan = {.weights = WeightScheme::W8C, .keep_fp = {}}});
    files.push_back(content_of(folder.path() / "o.gguf"));
    sqnr.push_back(report.tensors[0].sqnr_db);
  }
  set_num_threads(before);
  EXPECT_TRUE(files[0] == files[1]);
  EXPECT_EQ(sqnr[0], sqnr[1]);
  const ModelFiles out = ModelFiles::open(folder.path() / "o.gguf");
  for (const char* name : {"model.embed_tokens.weight", "model.layers.0.mlp.down_proj.weight"})
    expect_equal_bits(values_of(out, name), expected_values(source, name, WeightScheme::W8C), name);
}

TEST(GgufModel, ReportsProgressInBytesOfTheSource) {
  const TemporaryFolder folder;
  const ModelFiles source = ModelFiles::open(tiny_model("qwen2_tied"));
  std::vector<uint64_t> done;
  std::set<std::string> names;
  export_gguf(source, Tokenizer::load(tiny_model("qwen2_tied")).data(), folder.path() / "o.gguf",
              {.plan = {}, .name = "", .progress = [&](const ProgressEvent& event) {
                 EXPECT_EQ(event.total, source.stored_bytes());
                 done.push_back(event.done);
                 names.emplace(event.what);
               }});
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.front(), 0u);
  EXPECT_EQ(done.back(), source.stored_bytes());
  EXPECT_TRUE(names.contains("model.layers.2.mlp.up_proj.weight"));
}

}  // namespace
}  // namespace slm
