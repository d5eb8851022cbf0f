// SPDX-License-Identifier: Apache-2.0
#include "slm/text/byte_level.h"

#include <gtest/gtest.h>

#include <set>

#include "slm/text/utf8.h"

namespace slm {
namespace {

TEST(ByteLevel, SpellsEveryByteAndReadsItBack) {
  std::string all;
  for (int b = 0; b < 256; ++b) all += static_cast<char>(static_cast<uint8_t>(b));
  EXPECT_EQ(byte_level_bytes(byte_level_spelling(all)), all);
  EXPECT_EQ(byte_level_spelling(" the\n"), "Ġthe\u010A");
  EXPECT_EQ(byte_level_spelling("\xAD\x7F"), "\u0143\u0121");
}

/// bytes_to_unicode of GPT-2's encoder.py: the printable ones of Latin-1 as they are, the others from U+0100, in order.
TEST(ByteLevel, FollowsGpt2sTable) {
  char32_t next = 0x100;
  for (int b = 0; b < 256; ++b) {
    const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
    std::string expected;
    append_utf8(expected, printable ? static_cast<char32_t>(b) : next++);
    const char byte = static_cast<char>(static_cast<uint8_t>(b));
    EXPECT_EQ(byte_level_spelling({&byte, 1}), expected) << b;
    EXPECT_EQ(byte_level_bytes(expected), std::string(1, byte)) << b;
  }
  EXPECT_EQ(next, 0x144u);
}

TEST(ByteLevel, RefusesCharactersThatSpellNoByte) {
  for (const char* spelling : {"a b", "\n", "\u00AD", "\u00A0", "\u0144", "河", "Ġthe\u0144", "\xFF", "\xC4"})
    EXPECT_FALSE(byte_level_bytes(spelling)) << spelling;
  EXPECT_EQ(byte_level_bytes("\u0143"), "\xAD");
  EXPECT_EQ(byte_level_bytes(""), "");
}

}  // namespace
}  // namespace slm
