// SPDX-License-Identifier: Apache-2.0
// The tokenizer in a GGUF file's metadata (github.com/ggml-org/ggml/blob/master/docs/gguf.md, "Tokenizer"): `gpt2` is
// byte-level BPE, its pre-tokenizer only a name; `llama` is SentencePiece's vocabulary,
// from which its model is rebuilt.
#include "io/quote_text.h"
#include "slm/core/check.h"
#include "slm/io/gguf.h"
#include "slm/text/utf8.h"
#include "text/tokenizer_impl.h"

namespace slm {
namespace {

using Strings = std::vector<std::string_view>;

const Strings& required_strings(const GgufFile& file, const char* key) {
  const GgufArray* array = file.array_value(key, GgufType::String);
  if (array == nullptr) throw FormatError(file.path(), fmt::format("[tokenizer] {} is missing", key));
  return std::get<Strings>(array->values);
}

std::vector<TokenType> token_types(const GgufFile& file, size_t count) {
  std::vector<TokenType> types(count, TokenType::Normal);
  const GgufArray* array = file.array_value("tokenizer.ggml.token_type", GgufType::I32);
  if (array == nullptr) return types;
  if (array->size() != count)
    throw FormatError(file.path(), fmt::format("[tokenizer] {} token types, expected {}", array->size(), count));
  const auto& values = std::get<std::vector<int64_t>>(array->values);
  for (size_t i = 0; i < count; ++i) {
    if (values[i] < 1 || values[i] > 6)
      throw FormatError(file.path(), fmt::format("[tokenizer] token {} has type {}, expected 1 to 6", i, values[i]));
    types[i] = static_cast<TokenType>(values[i]);
  }
  return types;
}

std::optional<int32_t> special_id(const GgufFile& file, const char* key, size_t count) {
  const auto id = file.uint_value(key);
  if (!id || *id == UINT32_MAX) return std::nullopt;  // which some writers store for "none"
  if (*id >= count)
    throw FormatError(file.path(), fmt::format("[tokenizer] {} is {}, expected below {}", key, *id, count));
  return static_cast<int32_t>(*id);
}

void read_bpe(const GgufFile& file, Tokenizer::Impl& impl) {
  const Strings& tokens = required_strings(file, "tokenizer.ggml.tokens");
  impl.types = token_types(file, tokens.size());
  size_t bytes = 0;
  for (const std::string_view token : tokens) bytes += token.size();
  impl.table.reserve(tokens.size(), bytes);
  std::vector<AddedToken> added;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    const bool whole = impl.types[i] == TokenType::Control || impl.types[i] == TokenType::UserDefined;
    if (valid_utf8_prefix(tokens[i]) < tokens[i].size())
      throw FormatError(file.path(), fmt::format("[tokenizer] token {} is no valid UTF-8", i));
    set_bpe_token(impl.table, id, tokens[i], whole);
    if (whole)
      added.push_back({.text = std::string(tokens[i]), .id = id, .control = impl.types[i] == TokenType::Control});
  }
  impl.raw_tokens = AddedTokens(std::move(added));
  impl.table.build_index();

  const auto name = file.string_value("tokenizer.ggml.pre").value_or("default");
  const KnownPretokenizer* pre = find_pretokenizer(name);
  if (pre == nullptr) {
    std::string known;
    for (const KnownPretokenizer& one : known_pretokenizers())
      known += (known.empty() ? "" : ", ") + std::string(one.name);
    throw FormatError(file.path(),
                      fmt::format("[tokenizer] tokenizer.ggml.pre is {}, expected one of {}", quote_text(name), known));
  }
  impl.pre = pre->name;
  impl.nfc = pre->nfc;
  impl.add_bos = pre->add_bos;
  impl.pretokenizer.emplace(pre->patterns);

  const Strings& lines = required_strings(file, "tokenizer.ggml.merges");
  std::vector<Merge> merges;
  merges.reserve(lines.size());
  for (const std::string_view line : lines) {
    const size_t space = line.find(' ', 1);
    if (space == std::string_view::npos)
      throw FormatError(file.path(),
                        fmt::format("[tokenizer] merge {} {}, expected two tokens", merges.size(), quote_text(line)));
    merges.push_back(
        resolve_merge(impl.table, line.substr(0, space), line.substr(space + 1), merges.size(), file.path()));
  }
  impl.bpe.emplace(impl.table, std::move(merges), pre->ignore_merges);
}

std::string mark_spaces(std::string_view text) {
  std::string marked;
  for (const char c : text) c == ' ' ? marked += "\u2581" : marked += c;
  return marked;
}

void read_sentencepiece(const GgufFile& file, Tokenizer::Impl& impl) {
  const Strings& tokens = required_strings(file, "tokenizer.ggml.tokens");
  const std::vector<TokenType> types = token_types(file, tokens.size());
  const GgufArray* scores = file.array_value("tokenizer.ggml.scores", GgufType::F32);
  if (scores == nullptr || scores->size() != tokens.size())
    throw FormatError(file.path(), fmt::format("[tokenizer] {} scores, expected {}",
                                               scores == nullptr ? 0 : scores->size(), tokens.size()));
  SentencePieceSpec spec{
      .add_dummy_prefix = file.bool_value("tokenizer.ggml.add_space_prefix").value_or(true),
      .remove_extra_whitespaces = file.bool_value("tokenizer.ggml.remove_extra_whitespaces").value_or(false)};
  for (size_t i = 0; i < tokens.size(); ++i)
    spec.pieces.push_back({.text = std::string(tokens[i]),
                           .score = static_cast<float>(std::get<std::vector<double>>(scores->values)[i]),
                           .type = types[i]});
  const auto id = [&](const char* key, int32_t fallback) {
    return special_id(file, key, tokens.size()).value_or(fallback);
  };
  spec.unk_id = id("tokenizer.ggml.unknown_token_id", 0);
  spec.bos_id = id("tokenizer.ggml.bos_token_id", 1);
  spec.eos_id = id("tokenizer.ggml.eos_token_id", 2);
  spec.pad_id = id("tokenizer.ggml.padding_token_id", -1);
  // GGUF writes the spaces of user-defined tokens as such (see Tokenizer::data).
  for (SentencePieceSpec::Piece& piece : spec.pieces) {
    if (piece.type == TokenType::UserDefined) piece.text = mark_spaces(piece.text);
  }
  // SentencePiece wants exactly one unknown piece; some files call it a control token.
  for (size_t i = 0; i < spec.pieces.size(); ++i) {
    if (static_cast<int32_t>(i) == spec.unk_id) {
      spec.pieces[i].type = TokenType::Unknown;
    } else if (spec.pieces[i].type == TokenType::Unknown) {
      spec.pieces[i].type = TokenType::Unused;
    }
  }
  use_sentencepiece(std::move(spec), {}, file.path(), impl);
  impl.add_bos = true;
}

}  // namespace

Tokenizer Tokenizer::from_gguf(const GgufFile& file) {
  auto impl = std::make_shared<Impl>();
  const std::string model = file.get_string("tokenizer.ggml.model");
  if (model == "gpt2") {
    read_bpe(file, *impl);
  } else if (model == "llama") {
    read_sentencepiece(file, *impl);
  } else {
    throw FormatError(file.path(),
                      fmt::format("[tokenizer] tokenizer.ggml.model is {}, expected gpt2 or llama", quote_text(model)));
  }
  const auto count = static_cast<size_t>(impl->table.size());
  const auto keep = [&](std::optional<int32_t>& slot, const char* key) {
    if (const auto id = special_id(file, key, count)) slot = id;
  };
  keep(impl->bos_id, "tokenizer.ggml.bos_token_id");
  keep(impl->eos_id, "tokenizer.ggml.eos_token_id");
  keep(impl->unk_id, "tokenizer.ggml.unknown_token_id");
  keep(impl->pad_id, "tokenizer.ggml.padding_token_id");
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    if (const auto id = special_id(file, key, count)) add_eos_id(*impl, *id);
  }
  if (const GgufArray* all = file.array_value("slm.eos_token_ids", GgufType::U32)) {
    for (const uint64_t id : std::get<std::vector<uint64_t>>(all->values)) {
      if (id >= count)
        throw FormatError(file.path(),
                          fmt::format("[tokenizer] slm.eos_token_ids has {}, expected below {}", id, count));
      add_eos_id(*impl, static_cast<int64_t>(id));
    }
  }
  impl->add_bos = file.bool_value("tokenizer.ggml.add_bos_token").value_or(impl->add_bos);
  impl->chat_template = file.string_value("tokenizer.chat_template").value_or("");
  add_known_eos_ids(*impl);
  return Tokenizer(std::move(impl));
}

}  // namespace slm
