// SPDX-License-Identifier: Apache-2.0
// What a Tokenizer holds, and the steps its three sources share while filling it.
// In: tokenizer_json.cpp, tokenizer_folder.cpp, tokenizer_gguf.cpp.  Out: Tokenizer::Impl.  Next: tokenizer.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "slm/text/added_tokens.h"
#include "slm/text/byte_bpe.h"
#include "slm/text/pretokenizer.h"
#include "slm/text/sentencepiece.h"
#include "slm/text/token_table.h"
#include "slm/text/tokenizer.h"

namespace slm {

struct Tokenizer::Impl {
  TokenTable table;  ///< BPE: bytes, or the spelling itself of a literal token; SentencePiece: the pieces, literal
  std::vector<TokenType> types;  ///< by id
  std::vector<float> scores;     ///< SentencePiece: by id
  std::optional<ByteBpe> bpe;    ///< this and a pretokenizer …
  std::optional<Pretokenizer> pretokenizer;
  std::optional<SentencePieceModel> sentencepiece;  ///< … or this
  bool nfc = false;
  bool only_sentencepiece = false;  ///< unigram, or rewrites text: GGUF's "llama" cannot say it
  bool add_bos = false;
  bool add_space_prefix = false;
  bool remove_extra_whitespaces = false;
  AddedTokens raw_tokens;         ///< looked for in the text as given
  AddedTokens normalized_tokens;  ///< looked for after normalization
  std::optional<int32_t> bos_id, eos_id, unk_id, pad_id;
  std::vector<int32_t> eos_ids;
  std::string pre;
  std::string chat_template;
};

/// Sets a BPE token by its spelling. `added`: the spelling is its text (<|im_start|>), else byte-level where it can be.
/// False if the id is taken.
bool set_bpe_token(TokenTable& table, int32_t id, std::string_view spelling, bool added);

/// Throws FormatError if a side or the result is not in the vocabulary. The table's index must be built.
Merge resolve_merge(const TokenTable& table, std::string_view left, std::string_view right, size_t rank,
                    const std::string& path);

/// Fills table, types, bpe, pretokenizer, added tokens and add_bos from a tokenizer.json.
void read_tokenizer_json(const std::filesystem::path& file, Tokenizer::Impl& impl);
/// Fills table, types, scores, sentencepiece and ids from a tokenizer.model.
void read_tokenizer_model(const std::filesystem::path& path, Tokenizer::Impl& impl);
/// Fills the same from a vocabulary; path is for messages. With `model_proto`, that runs instead of a rebuilt one.
void use_sentencepiece(SentencePieceSpec spec, std::string_view model_proto, const std::string& path,
                       Tokenizer::Impl& impl);

/// Appends an id to eos_ids unless it is there already or not in the vocabulary.
void add_eos_id(Tokenizer::Impl& impl, int64_t id);
/// The last step of every source: control tokens known to end a text join eos_ids.
void add_known_eos_ids(Tokenizer::Impl& impl);

}  // namespace slm
