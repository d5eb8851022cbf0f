// SPDX-License-Identifier: Apache-2.0
#include "slm/io/json.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "slm/core/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

Json parse(std::string_view text) { return parse_json(text, "x.json"); }

TEST(Json, ReadsAFileWhole) {
  const TemporaryFolder folder;
  const std::string text = "{\"a\": \"" + std::string(200000, 'x') + "\"}";
  const std::filesystem::path path = folder.file("a.json", text);
  EXPECT_EQ(read_file(path), text);
  EXPECT_EQ(parse_json_file(path)["a"].get<std::string>().size(), 200000u);
  EXPECT_EQ(read_file(folder.file("empty", "")), "");
}

TEST(Json, NamesWhatCannotBeRead) {
  const TemporaryFolder folder;
  expect_error<IoError>([&] { read_file(folder.path() / "none"); }, {"none", "No such file"});
  expect_error<IoError>([&] { read_file(folder.path()); }, {folder.path().string(), "Is a directory"});
  expect_error<FormatError>([&] { parse_json_file(folder.file("e.json", "")); }, {"e.json: byte 0: [json]"});
}

TEST(Json, ErrorsCarryPathAndByte) {
  expect_error<FormatError>([] { parse("{\"a\": 1, x}"); },
                            {"x.json: byte 9: [json] syntax error", "last read: '1, x'"});
  expect_error<FormatError>([] { parse("[1, 2"); }, {"x.json: byte 5:", "unexpected end of input"});
  expect_error<FormatError>([] { parse("[1] 2"); }, {"x.json: byte 4:"});
  expect_error<FormatError>([] { parse("\"\xff\""); }, {"x.json: byte 1:"});
  expect_error<FormatError>([] { parse("[1e999]"); }, {"x.json", "1e999"});
  expect_error<FormatError>([] { parse_json("{]", "x.json", DuplicateKeys::Refuse, 100); }, {"byte 101:"});
}

TEST(Json, AMessageQuotesLittleOfALongFile) {
  try {
    parse("\"" + std::string(100000, 'x'));
    FAIL();
  } catch (const FormatError& error) {
    EXPECT_LT(std::string(error.what()).size(), 300u);
  }
}

TEST(Json, NestingIsBoundedAt100) {
  const auto nested = [](int depth, char open, char close) {
    return std::string(depth, open) + std::string(depth, close);
  };
  EXPECT_NO_THROW(parse(nested(100, '[', ']')));
  expect_error<FormatError>([&] { parse(nested(101, '[', ']')); }, {"x.json: byte 100: [json] nested deeper than 100"});
  std::string objects;
  for (int i = 0; i < 200000; ++i) objects += "{\"a\":";
  expect_error<FormatError>([&] { parse(objects); }, {"byte 500: [json] nested deeper"});
  EXPECT_NO_THROW(
      parse("[\"" + std::string(500, '[') + "\\\"" + std::string(500, '{') + "\"]"));  // brackets in strings
}

TEST(Json, DuplicateKeysAreRefusedWhereAsked) {
  EXPECT_EQ(parse("{\"a\": 1, \"a\": 2}")["a"], 2);
  expect_error<FormatError>(
      [] { parse_json("{\"a\": 1, \"b\": {\"c\": 1}, \"a\": 2}", "x.json", DuplicateKeys::Refuse); },
      {"x.json", "\"a\"", "twice"});
  expect_error<FormatError>([] { parse_json("[{\"a\": {\"c\": 1, \"c\": 1}}]", "x.json", DuplicateKeys::Refuse); },
                            {"\"c\"", "twice"});
  const Json same_key_elsewhere =
      parse_json("{\"a\": {\"a\": 1}, \"b\": [{\"a\": 2}, {\"a\": 3}]}", "x.json", DuplicateKeys::Refuse);
  EXPECT_EQ(same_key_elsewhere["b"][1]["a"], 3);
}

TEST(Json, AVocabularyOf200000KeysIsReadInLinearithmicTime) {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i) text += fmt::format("{}\"token{}\":{}", i ? "," : "", i, i);
  const Json json = parse(text + "}");
  EXPECT_EQ(json.size(), 200000u);
  EXPECT_EQ(json["token123456"], 123456);
}

TEST(JsonValue, ReadsTypesStrictly) {
  const Json json = parse(
      R"({"i": -7, "u": 18446744073709551615, "f": 1.5, "b": true, "s": "x", "n": null, "v": [1, 2], "big": 300})");
  EXPECT_EQ(json_require<int>(json, "i", "p"), -7);
  EXPECT_EQ(json_require<uint64_t>(json, "u", "p"), UINT64_MAX);
  EXPECT_EQ(json_require<double>(json, "f", "p"), 1.5);
  EXPECT_EQ(json_require<float>(json, "i", "p"), -7.0f);
  EXPECT_TRUE(json_require<bool>(json, "b", "p"));
  EXPECT_EQ(json_require<std::string>(json, "s", "p"), "x");
  EXPECT_EQ(json_require<std::vector<int>>(json, "v", "p"), (std::vector<int>{1, 2}));
  EXPECT_EQ(json_value<int>(json, "absent", 5, "p"), 5);
  EXPECT_EQ(json_value<int>(json, "n", 5, "p"), 5);
  EXPECT_EQ(json_value<int>(json, "big", 5, "p"), 300);

  expect_error<FormatError>([&] { json_require<int>(json, "f", "p.json"); }, {"p.json", "\"f\" is 1.5", "integer"});
  expect_error<FormatError>([&] { json_require<int>(json, "b", "p"); }, {"\"b\" is true", "integer"});
  expect_error<FormatError>([&] { json_require<double>(json, "b", "p"); }, {"\"b\" is true", "number"});
  expect_error<FormatError>([&] { json_require<double>(json, "s", "p"); }, {"\"s\" is \"x\"", "number"});
  expect_error<FormatError>([&] { json_require<bool>(json, "i", "p"); }, {"true or false"});
  expect_error<FormatError>([&] { json_require<uint64_t>(json, "i", "p"); }, {"\"i\" is -7", "in range"});
  expect_error<FormatError>([&] { json_require<int64_t>(json, "u", "p"); }, {"in range"});
  expect_error<FormatError>([&] { json_require<uint8_t>(json, "big", "p"); }, {"\"big\" is 300", "in range"});
  expect_error<FormatError>([&] { json_require<std::vector<std::string>>(json, "v", "p"); }, {"\"v\" is 1", "string"});
  expect_error<FormatError>([&] { json_value<int>(json, "s", 5, "p"); }, {"\"s\" is \"x\"", "integer"});
  expect_error<FormatError>([&] { json_require<int>(json, "n", "p.json"); }, {"p.json", "\"n\" is missing"});
  expect_error<FormatError>([&] { json_require<int>(parse("[1]"), "k", "p"); }, {"\"k\"", "[1]", "object"});
}

}  // namespace
}  // namespace slm
