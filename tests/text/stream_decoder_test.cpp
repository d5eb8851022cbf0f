// SPDX-License-Identifier: Apache-2.0
// What a decoder says token by token is what decode says of all (SmallTokenizers.DecodeInPiecesAsInOne,
// SentencePiece.DecodeDropsThePrefixOnceAndStreamAgrees); here: when it says what, and that it allocates nothing.
#include "slm/text/stream_decoder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/text/golden_support.h"

namespace {
std::atomic<int64_t> allocations = 0;
}

#if !defined(__SANITIZE_ADDRESS__)
// Not inlined: GCC would see the half of a pair and warn.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }
#endif

namespace slm {
namespace {

Tokenizer small_gpt2() { return Tokenizer::load(test::text_golden("small_gpt2.tokenizer.json")); }

/// The ids of the single bytes.
std::vector<int32_t> byte_ids(const Tokenizer& tokenizer, std::string_view bytes) {
  std::vector<int32_t> ids;
  for (const char byte : bytes) {
    for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
      if (tokenizer.token_bytes(id) == std::string(1, byte)) {
        ids.push_back(id);
        break;
      }
    }
  }
  EXPECT_EQ(ids.size(), bytes.size());
  return ids;
}

TEST(StreamDecoder, HoldsACharacterBackUntilItIsWhole) {
  const Tokenizer tokenizer = small_gpt2();
  StreamDecoder stream(tokenizer);
  const std::vector<int32_t> ids = byte_ids(tokenizer, "a\xF0\x9F\x8C\x8A\xE2\x82z\xC3");
  const std::vector<std::string_view> expected = {"a", "", "", "", "\xF0\x9F\x8C\x8A", "", "", "\uFFFDz", ""};
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(stream.push(ids[i]), expected[i]) << i;
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
  EXPECT_EQ(stream.push(ids[0]), "a") << "as new";
}

TEST(StreamDecoder, ShowsControlTokensOnlyWhenAsked) {
  const Tokenizer tokenizer = small_gpt2();
  const int32_t end = tokenizer.find("<|im_end|>").value();
  EXPECT_EQ(StreamDecoder(tokenizer).push(end), "");
  EXPECT_EQ(StreamDecoder(tokenizer, StreamStart::TextStart, /*skip_special=*/false).push(end), "<|im_end|>");
}

TEST(StreamDecoder, AllocatesNothingForATokenHoweverLong) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "memory is the sanitizer's here: allocations are not counted";
#endif
  const Tokenizer tokenizer = small_gpt2();
  StreamDecoder stream(tokenizer, StreamStart::TextStart, /*skip_special=*/false);
  const std::vector<int32_t> split = byte_ids(tokenizer, "\xF0\x9F\x8C\x8A\xFF\xFF");
  size_t longest = 0, bytes = 0;
  const int64_t before = allocations;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const size_t size = stream.push(id).size();
    longest = std::max(longest, size);
    bytes += size;
  }
  for (const int32_t id : split) bytes += stream.push(id).size();
  EXPECT_EQ(allocations - before, 0);
  EXPECT_GT(longest, 15u) << "a text that a string would not hold by itself";
  EXPECT_GT(bytes, 500u);
  EXPECT_EQ(tokenizer.data().model, "gpt2");
  EXPECT_GT(allocations - before, 0) << "the counter counts";
}

}  // namespace
}  // namespace slm
