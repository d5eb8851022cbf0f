// SPDX-License-Identifier: Apache-2.0
// SentencePiece models, run by Google's library; and the few fields of its ModelProto that a model file or a GGUF file
// fills (github.com/google/sentencepiece, src/sentencepiece_model.proto). In: tokenizer.model bytes, or a vocabulary
// with scores.  Out: ids.  Next: tokenizer.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "slm/text/tokenizer.h"

namespace slm {

struct SentencePieceSpec {
  struct Piece {
    std::string text;
    float score = 0;
    TokenType type = TokenType::Normal;
  };
  std::vector<Piece> pieces;  ///< by id
  bool unigram = false;       ///< false: BPE
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = false;
  int32_t unk_id = 0, bos_id = 1, eos_id = 2, pad_id = -1;  ///< -1: none
};

/// Throws FormatError where the bytes are no ModelProto.
SentencePieceSpec parse_sentencepiece(std::string_view model_proto, const std::string& path);
/// The bytes of a ModelProto with these fields; text is not normalized.
std::string serialize_sentencepiece(const SentencePieceSpec& spec);

class SentencePieceModel {
 public:
  /// Throws FormatError with the library's message.
  SentencePieceModel(std::string_view model_proto, const std::string& path);
  SentencePieceModel(SentencePieceModel&&) noexcept;
  ~SentencePieceModel();
  /// Appends the ids of a text (valid UTF-8) as the library gives them; control pieces are never among them.
  void encode(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace slm
