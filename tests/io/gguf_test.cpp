// SPDX-License-Identifier: Apache-2.0
// GgufFile: every type of value and tensor as other writers wrote it, and access by key and type.
#include "slm/io/gguf.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "slm/core/error.h"
#include "tests/io/golden_files.h"
#include "tests/support/expect_error.h"

namespace slm {
namespace {

using enum GgufType;
using Texts = std::vector<std::string_view>;

class GgufGolden : public testing::TestWithParam<std::tuple<std::string, uint32_t>> {};

TEST_P(GgufGolden, EveryValueTypeIsReadAsThePythonPackageWroteIt) {
  const GgufFile file = GgufFile::open(golden(std::get<0>(GetParam())));
  EXPECT_EQ(file.version(), std::get<1>(GetParam()));
  EXPECT_EQ(file.metadata().size(), 20u);
  EXPECT_EQ(file.metadata()[0].first, "general.architecture");
  EXPECT_EQ(file.metadata()[19].first, "test.u64s");
  EXPECT_EQ(file.get_string("general.architecture"), "test");
  EXPECT_EQ(file.get_uint("test.u8"), 200u);
  EXPECT_EQ(file.get_uint("test.u16"), 60000u);
  EXPECT_EQ(file.get_uint("test.u32"), 4000000000u);
  EXPECT_EQ(file.get_uint("test.u64"), UINT64_MAX);
  EXPECT_EQ(std::get<int64_t>(file.find("test.i8")->value), -100);
  EXPECT_EQ(std::get<int64_t>(file.find("test.i16")->value), -30000);
  EXPECT_EQ(std::get<int64_t>(file.find("test.i32")->value), -2000000000);
  EXPECT_EQ(std::get<int64_t>(file.find("test.i64")->value), INT64_MIN);
  EXPECT_EQ(file.get_float("test.f32"), double{1e-6f});
  EXPECT_EQ(file.get_float("test.f64"), 0.1);
  EXPECT_EQ(file.bool_value("test.bool"), true);
  EXPECT_EQ(file.get_string("test.string"), "naïve 文\n");
  EXPECT_EQ(std::get<Texts>(file.array_value("test.strings", String)->values), (Texts{"", "<|im_end|>", "Ġthe", "字"}));
  EXPECT_EQ(std::get<std::vector<int64_t>>(file.array_value("test.i32s", I32)->values),
            (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(std::get<std::vector<double>>(file.array_value("test.f32s", F32)->values),
            (std::vector<double>{0.5, -1.25}));
  EXPECT_EQ(std::get<std::vector<uint64_t>>(file.array_value("test.bools", Bool)->values),
            (std::vector<uint64_t>{1, 0}));
  EXPECT_EQ(std::get<std::vector<uint64_t>>(file.array_value("test.u8s", U8)->values), (std::vector<uint64_t>{0, 255}));
  EXPECT_EQ(std::get<std::vector<int64_t>>(file.array_value("test.i16s", I16)->values), (std::vector<int64_t>{-1, 7}));
  EXPECT_EQ(std::get<std::vector<uint64_t>>(file.array_value("test.u64s", U64)->values),
            (std::vector<uint64_t>{UINT64_MAX}));
  EXPECT_EQ(file.array_value("test.strings", String)->size(), 4u);
}

TEST_P(GgufGolden, EveryTensorTypeIsReadWithNameShapeAndBytes) {
  const GgufFile file = GgufFile::open(golden(std::get<0>(GetParam())));
  const Dtype dtypes[] = {Dtype::F32,  Dtype::F16,  Dtype::BF16, Dtype::Q4_0, Dtype::Q4_1,
                          Dtype::Q5_0, Dtype::Q5_1, Dtype::Q8_0, Dtype::Q2_K, Dtype::Q3_K,
                          Dtype::Q4_K, Dtype::Q5_K, Dtype::Q6_K, Dtype::I8,   Dtype::I32};
  ASSERT_EQ(file.tensors().size(), 18u);
  for (size_t i = 0; i < 15; ++i) {
    const StoredTensor& stored = file.tensors()[i];
    EXPECT_EQ(stored.tensor.dtype(), dtypes[i]) << i;
    EXPECT_EQ(stored.tensor.shape(), (Shape{i % 2 ? 3 : 2, 256})) << i;
  }
  EXPECT_EQ(file.tensors()[3].name, "blk.3.q4_0.weight");
  EXPECT_EQ(file.find_tensor("rank1")->tensor.shape(), Shape{5});
  EXPECT_EQ(file.find_tensor("rank3")->tensor.shape(), (Shape{2, 3, 5}));
  EXPECT_EQ(file.find_tensor("rank4")->tensor.shape(), (Shape{2, 3, 5, 7}));
  EXPECT_EQ(file.find_tensor("rank5"), nullptr);
  for (size_t i = 0; i < file.tensors().size(); ++i) {
    const StoredTensor& stored = file.tensors()[i];
    ASSERT_GT(stored.tensor.bytes(), 0u);
    for (size_t j = 0; j < stored.tensor.bytes(); ++j)
      ASSERT_EQ(stored.tensor.data()[j], golden_byte(i, j)) << stored.name << " byte " << j;
    EXPECT_EQ(stored.file_offset() % 32, 0u);
    EXPECT_TRUE(stored.tensor.read_only());
  }
  EXPECT_EQ(file.tensors()[0].file_offset(), file.data_offset());
}

INSTANTIATE_TEST_SUITE_P(Versions, GgufGolden,
                         testing::Values(std::tuple("all_types.gguf", 3u), std::tuple("all_types_v2.gguf", 2u)));

TEST(Gguf, HonoursItsAlignment) {
  const GgufFile file = GgufFile::open(golden("aligned.gguf"));
  EXPECT_EQ(file.data_offset() % 64, 0u);
  ASSERT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(file.tensors()[1].file_offset(), file.data_offset() + 64);
  for (size_t i = 0; i < 2; ++i)
    for (size_t j = 0; j < 12; ++j) EXPECT_EQ(file.tensors()[i].tensor.data()[j], golden_byte(i, j));
}

TEST(Gguf, StringsOfArraysLieInTheMapping) {
  const GgufFile file = GgufFile::open(golden("all_types.gguf"));
  const std::span<const std::byte> bytes = file.file()->bytes();
  for (std::string_view text : std::get<Texts>(file.array_value("test.strings", String)->values)) {
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    EXPECT_TRUE(data >= bytes.data() && data + text.size() <= bytes.data() + bytes.size());
  }
}

TEST(Gguf, TypedAccessNamesKeyExpectedAndFound) {
  const GgufFile file = GgufFile::open(golden("all_types.gguf"));
  expect_error<FormatError>([&] { file.get_uint("none"); }, {"all_types.gguf", "\"none\" is missing", "integer"});
  expect_error<FormatError>([&] { file.get_float("none"); }, {"\"none\" is missing", "f32"});
  expect_error<FormatError>([&] { file.get_string("none"); }, {"\"none\" is missing", "string"});
  EXPECT_EQ(file.uint_value("none"), std::nullopt);
  EXPECT_EQ(file.float_value("none"), std::nullopt);
  EXPECT_EQ(file.bool_value("none"), std::nullopt);
  EXPECT_EQ(file.string_value("none"), std::nullopt);
  EXPECT_EQ(file.array_value("none", I32), nullptr);
  EXPECT_EQ(file.find("none"), nullptr);
  expect_error<FormatError>([&] { file.uint_value("test.i8"); }, {"\"test.i8\" is i8 -100", "not negative"});
  expect_error<FormatError>([&] { file.uint_value("test.f32"); }, {"\"test.f32\" is f32", "integer"});
  expect_error<FormatError>([&] { file.uint_value("test.bool"); }, {"is bool", "integer"});
  expect_error<FormatError>([&] { file.float_value("test.u8"); }, {"is u8", "f32 or f64"});
  expect_error<FormatError>([&] { file.bool_value("test.u8"); }, {"is u8", "bool"});
  expect_error<FormatError>([&] { file.string_value("test.strings"); }, {"an array of 4 string", "expected string"});
  expect_error<FormatError>([&] { file.array_value("test.strings", I32); },
                            {"an array of 4 string", "an array of i32"});
  expect_error<FormatError>([&] { file.array_value("test.u8", U8); }, {"is u8", "an array of u8"});
}

TEST(Gguf, RealModelsHaveTheTensorsThePythonPackageCounts) {
  const char* folder = std::getenv("SLM_MODELS");
  const std::filesystem::path models = folder ? folder : std::filesystem::path(SLM_SOURCE_DIR) / ".." / "models";
  struct Known {
    const char* file;
    size_t tensors, entries, tokens;
    uint64_t data_offset;
    const char* first;
    Dtype first_dtype;
    Shape first_shape;
    uint64_t last_offset;
  };
  const Known known[] = {
      {"gemma-3-270m-q4_k_m.gguf", 236, 33, 262144, 6525120, "output_norm.weight", Dtype::F32, {640}, 253110464},
      {"qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
       291,
       26,
       151936,
       5947776,
       "output.weight",
       Dtype::Q8_0,
       {151936, 896},
       491396480},
      {"qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
       339,
       26,
       151936,
       5950528,
       "output.weight",
       Dtype::Q6_K,
       {151936, 1536},
       1117314624},
      {"smollm2-135m-instruct-q4_1.gguf",
       272,
       33,
       49152,
       1785664,
       "token_embd.weight",
       Dtype::Q8_0,
       {49152, 576},
       98360128},
  };
  int found = 0;
  for (const Known& model : known) {
    if (!std::filesystem::exists(models / model.file)) continue;
    ++found;
    const GgufFile file = GgufFile::open(models / model.file);
    EXPECT_EQ(file.tensors().size(), model.tensors) << model.file;
    EXPECT_EQ(file.metadata().size(), model.entries) << model.file;
    EXPECT_EQ(file.data_offset(), model.data_offset) << model.file;
    EXPECT_EQ(file.tensors().front().name, model.first);
    EXPECT_EQ(file.tensors().front().tensor.dtype(), model.first_dtype);
    EXPECT_EQ(file.tensors().front().tensor.shape(), model.first_shape);
    EXPECT_EQ(file.tensors().back().file_offset(), model.last_offset);
    ASSERT_NE(file.array_value("tokenizer.ggml.tokens", String), nullptr);
    EXPECT_EQ(file.array_value("tokenizer.ggml.tokens", String)->size(), model.tokens);
  }
  if (found == 0) GTEST_SKIP() << "no models in " << models;
}

}  // namespace
}  // namespace slm
