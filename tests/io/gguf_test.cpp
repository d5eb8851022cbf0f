// SPDX-License-Identifier: Apache-2.0
#include "slm/io/gguf.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "slm/core/error.h"
#include "tests/io/gguf_bytes.h"
#include "tests/io/golden_files.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

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

TEST(Gguf, NamesATypeItDoesNotRead) {
  expect_error<FormatError>([] { GgufFile::open(golden("iq2_xxs.gguf")); },
                            {"iq2_xxs.gguf: byte ", "\"blk.0.attn_q.weight\"", "IQ2_XXS", "Q4_0"});
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

class GgufHostile : public testing::Test {
 protected:
  void accepts(const GgufBytes& file) { EXPECT_NO_THROW(GgufFile::open(folder_.file("x.gguf", file.bytes))); }
  void refuses(const std::string& bytes, std::initializer_list<std::string_view> texts) {
    const std::filesystem::path path = folder_.file("x.gguf", bytes);
    expect_error<FormatError>([&] { GgufFile::open(path); }, {path.string() + ": byte "});
    expect_error<FormatError>([&] { GgufFile::open(path); }, texts);
  }
  void refuses(const GgufBytes& file, std::initializer_list<std::string_view> texts) { refuses(file.bytes, texts); }
  TemporaryFolder folder_{"gguf", memory_backed_folder()};
};

TEST_F(GgufHostile, WrongMagicAndVersions) {
  accepts(GgufBytes(0, 0));
  accepts(GgufBytes(0, 0, 2));
  refuses("GGU", {"3 bytes are no GGUF file"});
  refuses("GGML" + std::string(40, '\0'), {"byte 0:", "no GGUF file"});
  refuses("GGUF", {"byte 4:", "truncated in the version"});
  refuses(GgufBytes(0, 0, 0), {"byte 4:", "version 0, expected 2 or 3"});
  refuses(GgufBytes(0, 0, 1), {"version 1, expected 2 or 3"});
  refuses(GgufBytes(0, 0, 4), {"version 4, expected 2 or 3"});
  refuses(GgufBytes(0, 0, 0x03000000), {"byte 4:", "big-endian"});
  refuses(GgufBytes(0, 0, 0x02000000), {"big-endian"});
}

TEST_F(GgufHostile, CountsThatDoNotFitTheFile) {
  refuses(GgufBytes(UINT64_MAX, 0), {"byte 8:", "18446744073709551615 tensors do not fit"});
  refuses(GgufBytes(1, 0), {"byte 8:", "1 tensors do not fit"});
  refuses(GgufBytes(0, UINT64_MAX), {"byte 16:", "metadata entries do not fit"});
  refuses(GgufBytes(0, 1), {"byte 16:", "1 metadata entries do not fit"});
  refuses(GgufBytes(0, 2).key("a", U8).number(uint8_t{1}), {"2 metadata entries do not fit"});
}

TEST_F(GgufHostile, LengthsOfKeysAndStrings) {
  refuses(GgufBytes(0, 1).number(UINT64_MAX).data(32),
          {"byte 24:", "a metadata key is 18446744073709551615 bytes long"});
  refuses(GgufBytes(0, 1).key("", U8).number(uint8_t{1}), {"byte 24:", "0 bytes long, expected 1 to 65535"});
  refuses(GgufBytes(0, 1).key(std::string(65536, 'k'), U8).number(uint8_t{1}),
          {"65536 bytes long, expected 1 to 65535"});
  accepts(GgufBytes(0, 1).key(std::string(65535, 'k'), U8).number(uint8_t{1}));
  refuses(GgufBytes(0, 1).key("k", String).number(uint64_t{5}).data(0, 1), {"byte 37:", "key \"k\" is 5 bytes long"});
  refuses(GgufBytes(0, 1).key("k", String).number(uint32_t{5}),
          {"byte 37:", "truncated in key \"k\": 4 bytes left, expected 8"});
  accepts(GgufBytes(0, 1).key("k", String).text(""));
}

TEST_F(GgufHostile, ValueTypesAndArrays) {
  refuses(GgufBytes(0, 1).key("k", GgufType{13}).number(uint64_t{0}), {"byte 33:", "value type 13, expected 0 to 12"});
  refuses(GgufBytes(0, 1).key("k", Bool).number(uint8_t{2}), {"byte 37:", "is 2, expected a bool"});
  refuses(GgufBytes(0, 1).key("k", U64).number(uint32_t{2}), {"truncated in key \"k\""});
  refuses(GgufBytes(0, 1).key("k", Array).array(GgufType{99}, 0), {"value type 99"});
  refuses(GgufBytes(0, 1).key("k", Array).array(Array, 1).array(U8, 0), {"byte 37:", "array of arrays"});
  refuses(GgufBytes(0, 1).key("k", Array).array(U8, 1), {"byte 41:", "1 key \"k\" do not fit into the 0 bytes"});
  refuses(GgufBytes(0, 1).key("k", Array).array(U64, UINT64_MAX / 8 + 1).number(uint64_t{0}), {"do not fit"});
  refuses(GgufBytes(0, 1).key("k", Array).array(I32, 3).number(1).number(2), {"do not fit into the 8 bytes"});
  refuses(GgufBytes(0, 1).key("k", Array).array(String, uint64_t{1} << 61).text(""), {"do not fit"});
  refuses(GgufBytes(0, 1).key("k", Array).array(String, 2).text("abcdefgh").number(uint8_t{0}),
          {"byte 65:", "truncated"});
  refuses(GgufBytes(0, 1).key("k", Array).array(Bool, 2).number(uint8_t{1}).number(uint8_t{7}),
          {"is 7, expected a bool"});
  accepts(GgufBytes(0, 1).key("k", Array).array(String, 0));
}

TEST_F(GgufHostile, DuplicateKeysAndTensors) {
  refuses(GgufBytes(0, 2).key("k", U8).number(uint8_t{1}).key("k", U8).number(uint8_t{1}),
          {"byte 38:", "key \"k\" appears twice"});
  refuses(GgufBytes(2, 0).tensor("t", {1}, 0, 0).tensor("t", {1}, 0, 32).data(64),
          {"byte 57:", "tensor \"t\" appears twice"});
}

TEST_F(GgufHostile, Alignment) {
  const auto aligned = [](uint32_t n) {
    GgufBytes file(1, 1);
    file.key("general.alignment", U32).number(n).tensor("t", {1}, 0, 0);
    return file;
  };
  for (uint32_t n : {0u, 3u, 48u, 0xffffffffu})
    refuses(aligned(n).data(64), {"general.alignment is u32 " + std::to_string(n), "power of two"});
  for (uint32_t n : {1u, 2u, 32u, 4096u}) accepts(aligned(n).data(4, n));
  refuses(aligned(1u << 31).data(64), {"truncated: 1 tensors, but no data section"});
  refuses(GgufBytes(0, 1).key("general.alignment", U64).number(uint64_t{32}),
          {"byte 49:", "is u64 32, expected a u32 power of two"});
  refuses(GgufBytes(0, 1).key("general.alignment", String).text("32"), {"is string"});
}

TEST_F(GgufHostile, Dimensions) {
  const auto dims = [](const std::vector<uint64_t>& d, uint32_t type) {
    return GgufBytes(1, 0).tensor("t", d, type, 0).data(4096);
  };
  accepts(dims({}, 0));
  accepts(dims({1, 2, 3, 4}, 0));
  refuses(dims({1, 1, 1, 1, 1}, 0), {"byte 24: [gguf] tensor \"t\" has 5 dimensions, at most 4"});
  refuses(GgufBytes(1, 0).text("t").number(UINT32_MAX).data(64), {"4294967295 dimensions"});
  refuses(dims({0}, 0), {"dimension 0 of 0"});
  refuses(dims({4, 0}, 0), {"dimension 1 of 0"});
  refuses(dims({UINT64_MAX}, 0), {"63 bits"});
  refuses(dims({uint64_t{1} << 63}, 24), {"63 bits"});
  refuses(dims({uint64_t{1} << 32, uint64_t{1} << 32}, 0), {"63 bits"});        // 2^64 = 0
  refuses(dims({uint64_t{1} << 32, (uint64_t{1} << 32) + 1}, 0), {"63 bits"});  // wraps to 2^32
  refuses(dims({uint64_t{1} << 32, 1, 1, uint64_t{1} << 31}, 0), {"63 bits"});  // 2^63
  refuses(dims({uint64_t{1} << 62}, 0), {"overflows 64 bits in bytes"});        // F32: 2^64 bytes
  refuses(dims({uint64_t{1} << 60}, 0), {"4611686018427387904 bytes at offset 0, but the data section has 4096"});
  refuses(dims({31}, 2), {"rows of 31 elements", "Q4_0 blocks of 32"});
  refuses(dims({33}, 8), {"Q8_0 blocks of 32"});
  refuses(dims({16, 2}, 2), {"rows of 16 elements"});
  refuses(dims({128, 2}, 12), {"Q4_K blocks of 256"});
}

TEST_F(GgufHostile, TypesItDoesNotReadAreNamed) {
  const std::pair<uint32_t, std::string_view> named[] = {
      {4, "Q4_2"},    {9, "Q8_1"},   {15, "Q8_K"},     {17, "IQ2_XS"},         {18, "IQ3_XXS"}, {19, "IQ1_S"},
      {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},    {23, "IQ4_XS"},         {25, "I16"},     {27, "I64"},
      {28, "F64"},    {29, "IQ1_M"}, {31, "Q4_0_4_4"}, {34, "TQ1_0"},          {35, "TQ2_0"},   {39, "MXFP4"},
      {40, "NVFP4"},  {41, "Q1_0"},  {42, "unknown"},  {UINT32_MAX, "unknown"}};
  for (const auto& [type, name] : named)
    refuses(GgufBytes(1, 0).tensor("t", {256}, type, 0).data(4096),
            {fmt::format("is of type {} (ggml type {})", name, type)});
}

TEST_F(GgufHostile, PlacementOfTensors) {
  const auto two = [](uint64_t first, uint64_t second) {
    return GgufBytes(2, 0).tensor("a", {16}, 0, first).tensor("b", {16}, 0, second).data(128);  // 64 bytes each
  };
  accepts(two(0, 64));
  accepts(two(64, 0));
  refuses(two(0, 0), {"byte 57:", "tensors \"a\" and \"b\" overlap at offset 0"});
  refuses(two(0, 32), {"byte 57:", "tensors \"a\" and \"b\" overlap at offset 32"});
  refuses(two(32, 0), {"byte 24:", "overlap"});
  refuses(two(0, 65), {"byte 57:", "offset 65, no multiple of the alignment 32"});
  refuses(two(0, 96), {"takes 64 bytes at offset 96, but the data section has 128"});
  refuses(two(0, 128), {"data section"});
  refuses(two(0, uint64_t{1} << 63), {"data section"});
  refuses(two(0, UINT64_MAX - 31), {"data section"});  // offset + size wraps
}

TEST_F(GgufHostile, TruncationAtEveryByteIsRefused) {
  const std::string whole = content_of(golden("all_types.gguf"));
  const GgufFile file = GgufFile::open(golden("all_types.gguf"));
  const StoredTensor& last = file.tensors().back();
  const size_t end = last.file_offset() + last.tensor.bytes();  // padding may be missing
  ASSERT_LE(end, whole.size());
  for (size_t size = 1; size < end; size += size < file.data_offset() ? 1 : 97) {
    const std::filesystem::path path = folder_.file("cut.gguf", whole.substr(0, size));
    EXPECT_THROW(GgufFile::open(path), FormatError) << size;
  }
  EXPECT_NO_THROW(GgufFile::open(folder_.file("cut.gguf", whole.substr(0, end))));
  EXPECT_THROW(GgufFile::open(folder_.file("cut.gguf", whole.substr(0, end - 1))), FormatError);
}

TEST_F(GgufHostile, NamesInMessagesArePrintableAndShort) {
  try {
    GgufFile::open(
        folder_.file("x.gguf", GgufBytes(1, 0).tensor("a\n\x1b[2J" + std::string(5000, 'x'), {0}, 0, 0).bytes));
    FAIL();
  } catch (const FormatError& error) {
    const std::string_view message = error.what();
    EXPECT_LT(message.size(), 300u);
    EXPECT_NE(message.find("\"a??[2Jxxx"), std::string_view::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string_view::npos);
  }
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
