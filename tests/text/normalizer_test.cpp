// SPDX-License-Identifier: Apache-2.0
#include "slm/text/normalizer.h"

#include <gtest/gtest.h>

#include <ctime>

#include "tests/text/golden_support.h"

namespace slm {
namespace {

TEST(Nfc, ComposesAndOrders) {
  EXPECT_EQ(nfc("A\u030A"), "\u00C5");
  EXPECT_EQ(nfc("\u212B"), "\u00C5");
  EXPECT_EQ(nfc("e\u0301\u0323"), "\u1EB9\u0301");
  EXPECT_EQ(nfc("\u1100\u1161\u11A8"), "\uAC01");
  EXPECT_EQ(nfc("\uAC00\u11A8"), "\uAC01");
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093C");  // excluded from composition
  EXPECT_EQ(nfc("\uF900"), "\u8C48");
  EXPECT_EQ(nfc("plain ASCII, é, 河, 강"), "plain ASCII, é, 河, 강");
}

TEST(Nfc, LeavesMarksYoungerThanUnicode9WhereTheyStand) {
  // The official tokenizers do; by today's tables U+0323 would move before U+0898 (both are marks).
  EXPECT_EQ(nfc("a\u0898\u0323"), "a\u0898\u0323");
  EXPECT_EQ(nfc("\U00011935\U00011930"), "\U00011935\U00011930");
  EXPECT_EQ(nfc("a\u0301\u1ACE"), "\u00E1\u1ACE");
}

TEST(Nfc, IsIdempotentAndTheQuickScanNeverLies) {
  test::RandomStrings strings;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = strings.next(), once = nfc(text);
    ASSERT_EQ(nfc(once), once);
    if (is_surely_nfc(text)) {
      ASSERT_EQ(once, text);
    }
  }
  for (const char32_t c : strings.assigned()) {  // alone, the scan and the full way must agree
    std::string text;
    append_utf8(text, c);
    if (is_surely_nfc(text)) {
      const std::string forced = nfc(text + "\u0F71\u0F71");  // a mark that composes with nothing here
      ASSERT_EQ(forced, text + "\u0F71\u0F71") << std::hex << static_cast<uint32_t>(c);
    }
  }
}

TEST(Nfc, CutsLongTextsWithoutAChange) {
  std::string text, expected;
  for (int i = 0; i < 20'000; ++i) text += "e\u0301x ", expected += "\u00E9x ";
  EXPECT_EQ(nfc(text), expected);
}

TEST(Nfc, OneRunOfMarksStaysNearLinear) {
  std::string text = "a";
  for (int i = 0; i < 250'000; ++i) text += "\u0301\u0323";  // alternating classes: a quadratic sort would take minutes
  const std::clock_t start = std::clock();
  const std::string sorted = nfc(text);
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 5.0);
  EXPECT_TRUE(sorted.starts_with("\u1EA1\u0323"));
}

}  // namespace
}  // namespace slm
