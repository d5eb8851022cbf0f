// SPDX-License-Identifier: Apache-2.0
#include "slm/text/utf8.h"

#include <gtest/gtest.h>

namespace slm {
namespace {

constexpr const char* kReplaced = "\uFFFD";

TEST(Utf8, ReplacesEachMaximalSubpartOnce) {
  // Unicode §3.9, table 3-8, and what Python's bytes.decode("utf-8", "replace") gives.
  const struct {
    std::string bytes;
    int replacements;
  } cases[] = {{"\xC0\xAF", 2},     {"\xE0\x9F\x80", 3}, {"\xED\xA0\x80", 3},         {"\xF4\x90\x80\x80", 4},
               {"\xE1\x80", 1},     {"\xF0\x90\x80", 1}, {"\xF0\x80\x80", 3},         {"\x80", 1},
               {"\xFF\xFE", 2},     {"\xE2\x82", 1},     {"\xF1\x80\x80\xE1\x80", 2}, {"\xC2", 1},
               {"\xF8\x88\x80", 3}, {"\xE1\xA0\xC0", 2}};
  for (const auto& one : cases) {
    std::string expected = "a";
    for (int i = 0; i < one.replacements; ++i) expected += kReplaced;
    EXPECT_EQ(replace_invalid_utf8("a" + one.bytes + "z"), expected + "z");
    EXPECT_EQ(valid_utf8_prefix("a" + one.bytes), 1u);
  }
}

TEST(Utf8, ReadsBackEveryCodePointItWrites) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    const Utf8Step step = utf8_step(text + "x");
    ASSERT_TRUE(step.valid && step.code_point == c && step.length == text.size()) << static_cast<uint32_t>(c);
    for (size_t n = 1; n < text.size(); ++n) {
      const Utf8Step part = utf8_step(std::string_view(text).substr(0, n));
      ASSERT_TRUE(part.incomplete && !part.valid && part.length == n) << static_cast<uint32_t>(c);
    }
  }
}

TEST(Utf8, StripsWhatPythonStrips) {
  EXPECT_EQ(strip(" \t\n\x1C\u00A0\u3000a b\u2003\x1F\r\n"), "a b");
  EXPECT_EQ(strip("\u200Bx\u180E"), "\u200Bx\u180E");
  EXPECT_EQ(strip(" \u3000 "), "");
  EXPECT_EQ(strip("\xFF"), "\xFF");
}

}  // namespace
}  // namespace slm
