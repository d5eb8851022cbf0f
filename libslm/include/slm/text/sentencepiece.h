// SPDX-License-Identifier: Apache-2.0
// SentencePiece models, run by Google's library; and the few fields of its ModelProto that a model file or a GGUF file
// fills (github.com/google/sentencepiece, src/sentencepiece_model.proto). In: tokenizer.model bytes, or a vocabulary
// with scores.  Out: ids.  Next: tokenizer.h.
#pragma once

#include <bitset>
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
  /// The model normalizes by a table, or marks spaces after words: only the library knows how.
  bool rewrites_text = false;
  int32_t unk_id = 0, bos_id = 1, eos_id = 2, pad_id = -1;  ///< -1: none
};

/// Throws FormatError where the bytes are no ModelProto.
SentencePieceSpec parse_sentencepiece(std::string_view model_proto, const std::string& path);
/// The bytes of a ModelProto with these fields; text is not normalized.
std::string serialize_sentencepiece(const SentencePieceSpec& spec);

class SentencePieceModel {
 public:
  /// `spec` describes the same model. Throws FormatError with the library's message.
  SentencePieceModel(std::string_view model_proto, const SentencePieceSpec& spec, const std::string& path);
  SentencePieceModel(SentencePieceModel&&) noexcept;
  ~SentencePieceModel();
  /// Appends the ids of a text (valid UTF-8) as the library gives them; control pieces are never among them.
  /// A long text goes through the library in parts of some kilobytes, cut before spaces that no piece reaches over: the
  /// ids are the same, and its heap stays in the cache. Cost: O(n log n).
  void encode(std::string_view text, std::vector<int32_t>& ids) const;
  /// The same of a text that continues another: without the dummy prefix.
  void encode_continuation(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  struct Library;
  size_t next_cut(std::string_view text, size_t from) const;

  std::unique_ptr<Library> library_;
  bool may_cut_ = false;
  bool add_dummy_prefix_ = false;
  std::bitset<256> joins_space_;  ///< last bytes of what stands before a space inside some piece
};

}  // namespace slm
