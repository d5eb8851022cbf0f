// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "slm/core/error.h"
#include "slm/io/gguf.h"
#include "tests/io/golden_files.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

using enum GgufType;

void fill_golden(const GgufFile& file, size_t i, const GgufWriter::Sink& sink) {
  const Tensor& tensor = file.tensors()[i].tensor;
  const std::span<const std::byte> bytes(tensor.data(), tensor.bytes());
  for (size_t at = 0; at < bytes.size(); at += 100) sink(bytes.subspan(at, std::min<size_t>(100, bytes.size() - at)));
}

TEST(GgufWriter, WritesWhatThePythonPackageWritesByteForByte) {
  const TemporaryFolder folder;
  for (const char* name : {"all_types.gguf", "aligned.gguf"}) {
    const GgufFile read = GgufFile::open(golden(name));
    GgufWriter writer;
    for (const auto& [key, value] : read.metadata()) writer.set(key, value);
    for (const StoredTensor& tensor : read.tensors())
      writer.declare_tensor(tensor.name, tensor.tensor.dtype(), tensor.tensor.shape());
    writer.write(folder.path() / name, [&](size_t i, const GgufWriter::Sink& sink) { fill_golden(read, i, sink); });
    EXPECT_TRUE(content_of(folder.path() / name) == content_of(golden(name))) << name;
    EXPECT_EQ(writer.file_bytes(), std::filesystem::file_size(golden(name))) << name;
  }
}

TEST(GgufWriter, TypedSettersAreReadBack) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "x.gguf";
  GgufWriter writer;
  writer.set_string("s", "text");
  writer.set_u32("u", UINT32_MAX);
  writer.set_f32("f", 1e-6f);
  writer.set_bool("b", true);
  writer.set_strings("strings", {"a", "", "ccc"});
  writer.set_i32s("i32s", {-1, std::numeric_limits<int32_t>::min()});
  writer.set_f32s("f32s", {0.1f, std::numeric_limits<float>::infinity()});
  writer.set_strings("none", {});
  writer.write(path, [](size_t, const GgufWriter::Sink&) { FAIL() << "no tensor was declared"; });
  const GgufFile file = GgufFile::open(path);
  EXPECT_EQ(file.version(), 3u);
  EXPECT_EQ(file.get_string("s"), "text");
  EXPECT_EQ(file.get_uint("u"), UINT32_MAX);
  EXPECT_EQ(file.find("u")->type, U32);
  EXPECT_EQ(file.get_float("f"), double{1e-6f});
  EXPECT_EQ(file.find("f")->type, F32);
  EXPECT_EQ(file.bool_value("b"), true);
  EXPECT_EQ(std::get<std::vector<std::string_view>>(file.array_value("strings", String)->values),
            (std::vector<std::string_view>{"a", "", "ccc"}));
  EXPECT_EQ(std::get<std::vector<int64_t>>(file.array_value("i32s", I32)->values),
            (std::vector<int64_t>{-1, INT32_MIN}));
  EXPECT_EQ(std::get<std::vector<double>>(file.array_value("f32s", F32)->values),
            (std::vector<double>{double{0.1f}, std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(file.array_value("none", String)->size(), 0u);
  EXPECT_TRUE(file.tensors().empty());
  EXPECT_EQ(std::filesystem::file_size(path), writer.file_bytes());
}

TEST(GgufWriter, AKeySetTwiceKeepsItsPlaceAndTakesTheNewValue) {
  const TemporaryFolder folder;
  GgufWriter writer;
  writer.set_u32("a", 1);
  writer.set_u32("b", 2);
  writer.set_string("a", "new");
  writer.write(folder.path() / "x", [](size_t, const GgufWriter::Sink&) {});
  const GgufFile file = GgufFile::open(folder.path() / "x");
  ASSERT_EQ(file.metadata().size(), 2u);
  EXPECT_EQ(file.metadata()[0].first, "a");
  EXPECT_EQ(file.get_string("a"), "new");
}

TEST(GgufWriter, RefusesValuesThatDoNotFitTheirType) {
  GgufWriter writer;
  EXPECT_THROW(writer.set("", {U8, uint64_t{1}}), ArgumentError);
  EXPECT_THROW(writer.set(std::string(65536, 'k'), {U8, uint64_t{1}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {U8, uint64_t{256}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {I8, int64_t{-129}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {U16, uint64_t{65536}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {I16, int64_t{32768}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {U32, uint64_t{1} << 32}), ArgumentError);
  EXPECT_THROW(writer.set("k", {I32, int64_t{1} << 31}), ArgumentError);
  EXPECT_THROW(writer.set("k", {I32, uint64_t{1}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {U32, int64_t{1}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {U32, 1.0}), ArgumentError);
  EXPECT_THROW(writer.set("k", {Bool, uint64_t{1}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {String, true}), ArgumentError);
  EXPECT_THROW(writer.set("k", {U8, std::string("x")}), ArgumentError);
  EXPECT_THROW(writer.set("k", {Array, std::string("x")}), ArgumentError);
  EXPECT_THROW(writer.set("k", {U8, GgufArray{U8, std::vector<uint64_t>{1}}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {Array, GgufArray{U8, std::vector<uint64_t>{1, 256}}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {Array, GgufArray{Bool, std::vector<uint64_t>{1, 2}}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {Array, GgufArray{I32, std::vector<uint64_t>{}}}), ArgumentError);
  EXPECT_THROW(writer.set("k", {Array, GgufArray{I32, std::vector<std::string_view>{"x"}}}), ArgumentError);
  EXPECT_THROW(writer.set_u32("general.alignment", 48), ArgumentError);
  EXPECT_THROW(writer.set("general.alignment", {U64, uint64_t{32}}), ArgumentError);
}

TEST(GgufWriter, RefusesTensorsItCannotStore) {
  GgufWriter writer;
  writer.declare_tensor("w", Dtype::F32, {2, 3});
  expect_error<ArgumentError>([&] { writer.declare_tensor("w", Dtype::F32, {2}); }, {"\"w\"", "before"});
  expect_error<ArgumentError>([&] { writer.declare_tensor("", Dtype::F32, {2}); }, {"0 bytes"});
  expect_error<ArgumentError>([&] { writer.declare_tensor(std::string(64, 'n'), Dtype::F32, {2}); }, {"64 bytes"});
  writer.declare_tensor(std::string(63, 'n'), Dtype::F32, {2});
  expect_error<ArgumentError>([&] { writer.declare_tensor("s", Dtype::F32, {}); }, {"rank"});
  expect_error<ArgumentError>([&] { writer.declare_tensor("z", Dtype::F32, {2, 0}); }, {"\"z\"", "(2,0)"});
  expect_error<ArgumentError>(
      [&] {
        writer.declare_tensor("q", Dtype::Q4_0, {32, 48});
      },
      {"\"q\" (32,48)", "Q4_0 blocks of 32"});
}

TEST(GgufWriter, TheDeclaredNumberOfBytesIsHeldToAndNothingIsLeftOtherwise) {
  const TemporaryFolder folder;
  GgufWriter writer;
  writer.declare_tensor("first", Dtype::F32, {2});
  writer.declare_tensor("second", Dtype::F32, {2});
  const std::byte bytes[9] = {};
  const auto with = [&](size_t second) {
    writer.write(folder.path() / "x", [&](size_t i, const GgufWriter::Sink& sink) {
      sink({bytes, i == 0 ? 8 : second});
    });
  };
  expect_error<ArgumentError>([&] { with(7); }, {"\"second\" was given 7 bytes, expected 8"});
  expect_error<ArgumentError>([&] { with(9); }, {"\"second\" was given 9 bytes or more, expected 8"});
  EXPECT_THROW(
      writer.write(folder.path() / "x", [](size_t, const GgufWriter::Sink&) { throw std::runtime_error("stop"); }),
      std::runtime_error);
  EXPECT_EQ(folder.entries(), 0u);
  with(8);
  EXPECT_EQ(folder.entries(), 1u);
}

}  // namespace
}  // namespace slm
