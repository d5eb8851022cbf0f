// SPDX-License-Identifier: Apache-2.0
// What GgufFile::open refuses, each with the byte and what is wrong there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "slm/core/error.h"
#include "slm/io/gguf.h"
#include "tests/io/gguf_bytes.h"
#include "tests/io/golden_files.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

using enum GgufType;

TEST(Gguf, NamesATypeItDoesNotRead) {
  expect_error<FormatError>([] { GgufFile::open(golden("iq2_xxs.gguf")); },
                            {"iq2_xxs.gguf: byte ", "\"blk.0.attn_q.weight\"", "IQ2_XXS", "Q4_0"});
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

}  // namespace
}  // namespace slm
