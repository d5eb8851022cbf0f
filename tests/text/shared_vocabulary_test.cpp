// SPDX-License-Identifier: Apache-2.0
#include "slm/text/shared_vocabulary.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "slm/core/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

TEST(SharedVocabulary, NamesTheFirstTokenThatDiffers) {
  const Tokenizer qwen = Tokenizer::load(test::tiny_models() / "qwen2_tied"),
                  same = Tokenizer::load(test::tiny_models() / "qwen2_untied"),
                  other = Tokenizer::load(test::tiny_models() / "llama_tied");
  EXPECT_EQ(shared_vocabulary(qwen, same), 320);
  int32_t first = 0;
  while (qwen.piece(first) == other.piece(first)) ++first;
  expect_error<ArgumentError>([&] { shared_vocabulary(qwen, other); },
                              {fmt::format("token {}", first), qwen.piece(first), other.piece(first)});
}

}  // namespace
}  // namespace slm
