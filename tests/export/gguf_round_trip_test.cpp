// SPDX-License-Identifier: Apache-2.0
// What export writes, read back: the values are those of fake quantization, and where the `gguf` Python package wrote
// the same model, the bytes are the package's.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <tuple>

#include "slm/export/gguf_model.h"
#include "slm/quant/sqnr.h"
#include "tests/export/tiny_models.h"

namespace slm {
namespace {

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
    if (scheme.nominal_bits < scheme.bits) continue;  // blocks of a type the package has, codes it would not choose
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

}  // namespace
}  // namespace slm
