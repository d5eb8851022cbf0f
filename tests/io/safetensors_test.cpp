// SPDX-License-Identifier: Apache-2.0
#include "slm/io/safetensors.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "slm/core/error.h"
#include "tests/io/golden_files.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

std::string file_of(const std::string& header, size_t data_bytes) {
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + header + std::string(data_bytes, '\1');
}

std::string entry(std::string_view name, std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, dtype, shape, offsets);
}

/// The tensors of mixed.safetensors in file order, with the index that golden_byte() takes.
struct Expected {
  const char* name;
  size_t index;
  Dtype dtype;
  Shape shape;
};
const std::vector<Expected>& expected_tensors() {
  static const std::vector<Expected> all = {{"scalar", 5, Dtype::F32, {}},
                                            {"weight.f32", 0, Dtype::F32, {2, 3}},
                                            {"weight.i32", 4, Dtype::I32, {1, 2, 3, 1}},
                                            {"weight.bf16", 2, Dtype::BF16, {5, 1}},
                                            {"weight.f16", 1, Dtype::F16, {3, 5}},
                                            {"weight.i8", 3, Dtype::I8, {7}}};
  return all;
}

TEST(Safetensors, ReadsWhatThePythonPackageWrote) {
  const std::vector<StoredTensor> tensors = read_safetensors(golden("mixed.safetensors"));
  ASSERT_EQ(tensors.size(), expected_tensors().size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Expected& expected = expected_tensors()[i];
    EXPECT_EQ(tensors[i].name, expected.name);
    EXPECT_EQ(tensors[i].tensor.dtype(), expected.dtype);
    EXPECT_EQ(tensors[i].tensor.shape(), expected.shape);
    for (size_t j = 0; j < tensors[i].tensor.bytes(); ++j)
      EXPECT_EQ(tensors[i].tensor.data()[j], golden_byte(expected.index, j)) << expected.name << " byte " << j;
  }
  const StoredTensor& last = tensors.back();
  EXPECT_EQ(last.file_offset() + last.tensor.bytes(), std::filesystem::file_size(golden("mixed.safetensors")));
}

TEST(Safetensors, WideTypesLieBeforeNarrowOnesSoThatEachTensorIsAligned) {
  const TemporaryFolder folder;
  std::vector<SafetensorsEntry> entries;
  for (size_t i : {5u, 3u, 0u, 4u, 1u, 2u}) {
    const Expected& expected = expected_tensors()[i];
    entries.push_back({expected.name, expected.dtype, expected.shape});
  }
  std::vector<size_t> calls;
  write_safetensors(folder.path() / "x", entries, {}, [&](size_t i, const ByteSink& sink) {
    calls.push_back(i);
    const std::vector<std::byte> data(byte_size(entries[i].dtype, static_cast<uint64_t>(entries[i].shape.elements())),
                                      static_cast<std::byte>(i));
    for (const std::byte& byte : data) sink({&byte, 1});
  });
  EXPECT_EQ(calls, (std::vector<size_t>{2, 4, 5, 1, 3, 0}));
  const std::vector<StoredTensor> read = read_safetensors(folder.path() / "x");
  ASSERT_EQ(read.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(read[i].name, entries[calls[i]].name);
    EXPECT_EQ(read[i].file_offset() % info(read[i].tensor.dtype()).block_bytes, 0u);
    EXPECT_EQ(*read[i].tensor.data(), static_cast<std::byte>(calls[i]));
  }
}

TEST(Safetensors, WritesWhatThePythonPackageWritesByteForByte) {
  const TemporaryFolder folder;
  const std::pair<std::string, std::string> metadata[] = {{"format", "pt"}};
  std::vector<SafetensorsEntry> in_order;
  for (const Expected& expected : expected_tensors())
    in_order.push_back({expected.name, expected.dtype, expected.shape});
  write_safetensors(folder.path() / "y", in_order, metadata, [&](size_t i, const ByteSink& sink) {
    std::vector<std::byte> bytes(byte_size(in_order[i].dtype, static_cast<uint64_t>(in_order[i].shape.elements())));
    for (size_t j = 0; j < bytes.size(); ++j) bytes[j] = golden_byte(expected_tensors()[i].index, j);
    sink(bytes);
  });
  EXPECT_TRUE(content_of(folder.path() / "y") == content_of(golden("mixed.safetensors")));
}

TEST(Safetensors, WriterRefusesWhatTheFormatCannotHold) {
  const TemporaryFolder folder;
  const auto write = [&](std::vector<SafetensorsEntry> entries, size_t bytes) {
    const std::vector<std::byte> data(bytes);
    write_safetensors(folder.path() / "x", entries, {}, [&](size_t, const ByteSink& sink) { sink(data); });
  };
  expect_error<ArgumentError>([&] { write({{"q", Dtype::Q8_0, {32}}}, 34); }, {"\"q\" is Q8_0"});
  expect_error<ArgumentError>([&] { write({{"a", Dtype::F32, {1}}, {"a", Dtype::F32, {1}}}, 4); }, {"\"a\"", "twice"});
  expect_error<ArgumentError>([&] { write({{"__metadata__", Dtype::F32, {1}}}, 4); }, {"reserved"});
  expect_error<ArgumentError>([&] { write({{"a", Dtype::F32, {0}}}, 0); }, {"dimension of 0"});
  expect_error<ArgumentError>([&] { write({{"a\xff", Dtype::F32, {1}}}, 4); }, {"no UTF-8"});
  expect_error<ArgumentError>([&] { write({{"a", Dtype::F32, {2}}}, 7); }, {"\"a\" was given 7 bytes, expected 8"});
  expect_error<ArgumentError>([&] { write({{"a", Dtype::F32, {2}}}, 9); }, {"expected 8"});
  EXPECT_EQ(folder.entries(), 0u);
  write({}, 0);
  EXPECT_TRUE(read_safetensors(folder.path() / "x").empty());
}

TEST(Safetensors, NamesWithQuotesAndUnicodeComeBack) {
  const TemporaryFolder folder;
  const SafetensorsEntry entry_out{"a\"\\\n字", Dtype::I8, {1}};
  const std::byte byte{7};
  write_safetensors(folder.path() / "x", {&entry_out, 1}, {}, [&](size_t, const ByteSink& sink) { sink({&byte, 1}); });
  EXPECT_EQ(read_safetensors(folder.path() / "x").at(0).name, entry_out.name);
}

class SafetensorsHostile : public testing::Test {
 protected:
  void accepts(const std::string& bytes) { EXPECT_NO_THROW(read_safetensors(folder_.file("x", bytes))); }
  void refuses(const std::string& bytes, std::initializer_list<std::string_view> texts) {
    const std::filesystem::path path = folder_.file("x", bytes);
    expect_error<FormatError>([&] { read_safetensors(path); }, {path.string()});
    expect_error<FormatError>([&] { read_safetensors(path); }, texts);
  }
  void refuses_entry(std::string_view dtype, std::string_view shape, std::string_view offsets, std::string_view text) {
    refuses(file_of("{" + entry("t", dtype, shape, offsets) + "}", 16), {"\"t\"", text});
  }
  TemporaryFolder folder_;
};

TEST_F(SafetensorsHostile, HeaderLength) {
  refuses("1234567", {"byte 0:", "7 bytes, expected at least 8"});
  refuses(std::string(8, '\xff') + "{}", {"byte 0:", "18446744073709551615 bytes", "has 2 after"});
  refuses(std::string("\3\0\0\0\0\0\0\0{}", 10), {"a header of 3 bytes"});
  accepts(std::string("\2\0\0\0\0\0\0\0{}", 10));
  refuses(std::string(8, '\0'), {"byte 8: [json]"});
}

TEST_F(SafetensorsHostile, HeaderJson) {
  refuses(file_of("[1]", 0), {"byte 8:", "no JSON object"});
  refuses(file_of("{\"a\":}", 0), {"byte 13: [json]"});
  refuses(file_of(std::string(1000, '['), 0), {"byte 108: [json] nested deeper"});
  refuses(file_of("{\"__metadata__\":1}", 0), {"__metadata__"});
  refuses(file_of("{\"t\":1}", 0), {"\"t\" is no JSON object"});
  refuses(file_of("{" + entry("t", "I8", "[1]", "[0,1]") + "," + entry("t", "I8", "[1]", "[1,2]") + "}", 2),
          {"\"t\"", "twice"});
  refuses(file_of(R"({"t":{"shape":[1],"data_offsets":[0,1]}})", 1), {"\"dtype\" is missing"});
  refuses(file_of(R"({"t":{"dtype":"I8","data_offsets":[0,1]}})", 1), {"\"shape\" is missing"});
  refuses(file_of(R"({"t":{"dtype":"I8","shape":[1]}})", 1), {"\"data_offsets\" is missing"});
}

TEST_F(SafetensorsHostile, Entries) {
  accepts(file_of("{" + entry("t", "F32", "[2,2]", "[0,16]") + "}", 16));
  for (std::string_view dtype : {"F64", "I64", "I16", "U8", "BOOL", "F8_E4M3", "", "Q4_0", "f32"})
    refuses_entry(dtype, "[2]", "[0,16]", fmt::format("is of type \"{}\", which is not supported", dtype));
  refuses_entry("F32", "[1,1,1,2,2]", "[0,16]", "5 dimensions");
  refuses_entry("F32", "[0,4]", "[0,0]", "dimension of 0");
  refuses_entry("F32", "[4294967296,4294967296]", "[0,16]", "63 bits");
  refuses_entry("I8", "[9223372036854775808]", "[0,16]", "63 bits");
  refuses_entry("F32", "[4611686018427387904]", "[0,0]", "overflows 64 bits");
  refuses_entry("F32", "[4]", "[16,0]", "no [begin, end]");
  refuses_entry("F32", "[4]", "[0]", "no [begin, end]");
  refuses_entry("F32", "[4]", "[0,8,16]", "no [begin, end]");
  refuses_entry("F32", "[3]", "[0,16]", "has 16 bytes of data, but F32 (3) takes 12");
  refuses(file_of("{" + entry("t", "F32", "[-4]", "[0,16]") + "}", 16), {"\"shape\" is -4"});
  refuses(file_of("{" + entry("t", "F32", "[4.0]", "[0,16]") + "}", 16), {"\"shape\" is 4.0"});
  refuses(file_of("{" + entry("t", "F32", "4", "[0,16]") + "}", 16), {"\"shape\" is 4, expected an array"});
  refuses(file_of("{" + entry("t", "F32", "[4]", "[0,16.0]") + "}", 16), {"\"data_offsets\" is 16.0"});
}

TEST_F(SafetensorsHostile, Tiling) {
  const auto two = [](std::string_view a, std::string_view b, size_t bytes) {
    return file_of("{" + entry("a", "I8", "[4]", a) + "," + entry("b", "I8", "[4]", b) + "}", bytes);
  };
  accepts(two("[0,4]", "[4,8]", 8));
  accepts(two("[4,8]", "[0,4]", 8));
  refuses(two("[0,4]", "[3,7]", 8), {"\"b\"", "overlap"});
  refuses(two("[0,4]", "[0,4]", 8), {"overlap"});
  refuses(two("[0,4]", "[5,9]", 9), {"\"b\"", "a hole"});
  refuses(two("[1,5]", "[5,9]", 9), {"\"a\"", "a hole"});
  refuses(two("[0,4]", "[4,8]", 7), {"\"b\" ends at 8 of the data, which has 7 bytes: truncated"});
  refuses(two("[0,4]", "[4,8]", 9), {"1 bytes of data belong to no tensor"});
  refuses(two("[0,4]", "[18446744073709551611,18446744073709551615]", 8), {"a hole"});
}

TEST_F(SafetensorsHostile, TruncationAtEveryByteIsRefused) {
  const std::string whole = content_of(golden("mixed.safetensors"));
  for (size_t size = 1; size < whole.size(); ++size)
    EXPECT_THROW(read_safetensors(folder_.file("cut", whole.substr(0, size))), FormatError) << size;
}

class SafetensorsFolder : public testing::Test {
 protected:
  SafetensorsFolder() {
    shard("model-00001-of-00002.safetensors", {"b", "a"});
    shard("model-00002-of-00002.safetensors", {"c"});
  }
  void shard(std::string_view file, const std::vector<std::string>& names) {
    std::string header;
    for (size_t i = 0; i < names.size(); ++i)
      header += (i ? "," : "{") + entry(names[i], "I8", "[1]", fmt::format("[{},{}]", i, i + 1));
    folder_.file(file, file_of(header + "}", names.size()));
  }
  void index(std::string_view weight_map) {
    folder_.file("model.safetensors.index.json", fmt::format(R"({{"weight_map":{}}})", weight_map));
  }
  std::string names() {
    std::string all;
    for (const StoredTensor& tensor : read_safetensors_folder(folder_.path())) all += tensor.name;
    return all;
  }
  TemporaryFolder folder_;
};

TEST_F(SafetensorsFolder, ReadsAllShardsOfTheIndex) {
  index(
      R"({"c":"model-00002-of-00002.safetensors","a":"model-00001-of-00002.safetensors","b":"model-00001-of-00002.safetensors"})");
  EXPECT_EQ(names(), "bac");
}

TEST_F(SafetensorsFolder, PrefersTheSingleFile) {
  index("{}");
  shard("model.safetensors", {"x"});
  EXPECT_EQ(names(), "x");
}

TEST_F(SafetensorsFolder, IndexAndShardsMustAgree) {
  index(R"({"c":"model-00002-of-00002.safetensors","d":"model-00002-of-00002.safetensors"})");
  expect_error<FormatError>([&] { names(); }, {"index.json", "\"d\" is not in model-00002-of-00002.safetensors"});
  index(R"({"a":"model-00001-of-00002.safetensors"})");
  expect_error<FormatError>([&] { names(); }, {"model-00001-of-00002.safetensors", "\"b\" is not listed"});
  index(R"({"a":"none.safetensors"})");
  expect_error<IoError>([&] { names(); }, {"none.safetensors", "No such file"});
  for (std::string_view bad : {"../x.safetensors", "/etc/passwd", "..", "", "a/b"}) {
    index(fmt::format(R"({{"a":"{}"}})", bad));
    expect_error<FormatError>([&] { names(); }, {"index.json", "expected the name of a file in the folder"});
  }
  index("[]");
  expect_error<FormatError>([&] { names(); }, {"\"weight_map\" is no JSON object"});
  index(R"({"a":1})");
  expect_error<FormatError>([&] { names(); }, {"\"a\" is 1, expected a string"});
  index(R"({"a":"x","a":"y"})");
  expect_error<FormatError>([&] { names(); }, {"\"a\"", "twice"});
}

TEST_F(SafetensorsFolder, WithoutWeightsSaysWhatWasLookedFor) {
  expect_error<IoError>([&] { names(); }, {folder_.path().string(),
                                           "model.safetensors and model.safetensors.index.json", "No such file"});
  folder_.file("pytorch_model.bin", "x");
  expect_error<IoError>([&] { names(); }, {"pytorch_model.bin is not read"});
}

}  // namespace
}  // namespace slm
