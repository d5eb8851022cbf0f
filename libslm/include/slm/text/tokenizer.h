// SPDX-License-Identifier: Apache-2.0
// Tokenizer: text to ids and back, whichever file it came from: tokenizer.json (byte-level BPE), tokenizer.model
// (SentencePiece) or the metadata of a GGUF file. Text of a user is never parsed as control tokens unless asked.
// In: a folder or a file, text.  Out: ids, text.  Next: chat_template.h, stream_decoder.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

class GgufFile;

/// What a token is, with the numbers GGUF uses (`tokenizer.ggml.token_type`).
enum class TokenType : int32_t { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

struct EncodeOptions {
  bool control_tokens = false;  ///< true: "<|im_end|>" in the text becomes that token; false: it is plain text
  bool add_bos = false;         ///< true: the ids begin with bos_id(), if the vocabulary has one
  bool continues = false;       ///< true: the text continues another: its first word gets no dummy prefix
};

/// Everything a GGUF file stores about a tokenizer (`tokenizer.ggml.*`, `tokenizer.chat_template`).
struct TokenizerData {
  /// "gpt2" (byte-level BPE), "llama" (SentencePiece BPE), "sentencepiece" (any other SentencePiece model)
  std::string model;
  std::string pre;  ///< pre-tokenizer name, as "qwen2"; empty: GGUF has no name for it (or model is not gpt2)
  std::vector<std::string> tokens;  ///< by id, in the file's spelling ("Ġthe", "▁the", "<0x0A>")
  std::vector<float> scores;        ///< by id; empty for gpt2
  std::vector<TokenType> types;     ///< by id
  std::vector<std::string> merges;  ///< "left right", best first; empty for llama
  std::optional<int32_t> bos_id, eos_id, unk_id, pad_id;
  std::optional<int32_t> eot_id;  ///< end of a chat turn, where it differs from eos_id
  std::vector<int32_t> eos_ids;   ///< all ids after which a text is over (Tokenizer::eos_ids)
  bool add_bos = false;
  std::optional<bool> add_space_prefix;          ///< SentencePiece only
  std::optional<bool> remove_extra_whitespaces;  ///< SentencePiece only
  std::string chat_template;                     ///< empty: none
};

/// Whether a control token of this name ends a text in every model: "<|im_end|>", "</s>" … (llama.cpp knows them too).
bool ends_text_by_name(std::string_view control_token);

/// Immutable and thread-safe; a copy shares the vocabulary.
class Tokenizer {
 public:
  /// A folder (from_folder), a *.json or *.model file by itself, or a GGUF file of any name (from_gguf).
  /// Throws IoError, FormatError naming the part that is not supported.
  static Tokenizer load(const std::filesystem::path& path);
  /// tokenizer.model, else tokenizer.json; with tokenizer_config.json, special_tokens_map.json, added_tokens.json,
  /// generation_config.json, config.json and chat_template.jinja where present.
  static Tokenizer from_folder(const std::filesystem::path& folder);
  /// `tokenizer.ggml.model` gpt2 (pre: see pretokenizer.h) or llama. Copies what it needs: the file may be closed.
  static Tokenizer from_gguf(const GgufFile& file);

  /// Invalid UTF-8 is read as U+FFFD, one per maximal subpart (Unicode §3.9, as Python's errors="replace").
  /// Tokens marked UserDefined are recognised in any text, as the official tokenizers do; Control tokens only when
  /// asked. Cost: O(n log n) in the worst case (one word of a megabyte), else linear.
  std::vector<int32_t> encode(std::string_view text, EncodeOptions options = {}) const;
  /// Valid UTF-8: bytes that form no character become U+FFFD. Throws ArgumentError for an id outside the vocabulary.
  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;

  int32_t vocab_size() const;                 ///< largest id + 1
  std::string piece(int32_t id) const;        ///< the token in its file's spelling, "Ġthe"
  std::string token_bytes(int32_t id) const;  ///< the bytes it stands for, " the"; of a control token: its name
  /// Appends token_bytes(id): allocates only where `bytes` must grow.
  void append_token_bytes(int32_t id, std::string& bytes) const;
  TokenType type(int32_t id) const;
  bool is_control(int32_t id) const { return type(id) == TokenType::Control; }
  /// The token with this very spelling (that of piece()), of any type.
  std::optional<int32_t> find(std::string_view piece) const;

  /// Ids after which a text is over, the configured one first: eos of tokenizer, config and generation_config, and
  /// control tokens known for it (<|im_end|>, <|endoftext|>, <|eot_id|>, <end_of_turn> …).
  const std::vector<int32_t>& eos_ids() const;
  bool is_eos(int32_t id) const;
  std::optional<int32_t> bos_id() const;
  bool add_bos() const;  ///< whether this model's texts begin with bos_id()
  /// True where a text's first word carries a space the text does not have (SentencePiece's dummy prefix).
  bool adds_space_prefix() const;

  const std::string& chat_template() const;  ///< Jinja text; empty: none
  TokenizerData data() const;                ///< a copy, for the exporter

  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace slm
