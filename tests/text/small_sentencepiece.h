// SPDX-License-Identifier: Apache-2.0
// A SentencePiece vocabulary with a dummy prefix, small enough to read.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "slm/io/atomic_file.h"
#include "slm/text/sentencepiece.h"
#include "slm/text/tokenizer.h"

namespace slm {

/// <unk> <s> </s>, 256 bytes, letters, and some words.
inline SentencePieceSpec small_spec() {
  SentencePieceSpec spec;
  spec.pieces = {{"<unk>", 0, TokenType::Unknown}, {"<s>", 0, TokenType::Control}, {"</s>", 0, TokenType::Control}};
  for (int b = 0; b < 256; ++b) spec.pieces.push_back({fmt::format("<0x{:02X}>", b), 0, TokenType::Byte});
  float score = 0;
  for (const char* text :
       {"he", "ll", "hell", "hello", "\u2581hello", "\u2581w", "or", "ld", "\u2581wor", "\u2581world", "\u2581\u2581"})
    spec.pieces.push_back({text, score -= 1, TokenType::Normal});
  for (const char* text : {"\u2581", "h", "e", "l", "o", "w", "r", "d"})
    spec.pieces.push_back({text, score -= 1, TokenType::Normal});
  spec.pieces.push_back({"<tool>", 0, TokenType::UserDefined});
  return spec;
}

inline Tokenizer small_tokenizer() {
  const auto path = std::filesystem::path(testing::TempDir()) / "small.model";
  write_file(path, serialize_sentencepiece(small_spec()));
  return Tokenizer::load(path);
}

}  // namespace slm
