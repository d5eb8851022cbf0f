// SPDX-License-Identifier: Apache-2.0
#include "slm/text/tokenizer.h"

#include <algorithm>
#include <array>

#include "io/quote_text.h"
#include "slm/core/check.h"
#include "slm/io/gguf.h"
#include "slm/text/byte_level.h"
#include "slm/text/normalizer.h"
#include "slm/text/utf8.h"
#include "text/tokenizer_impl.h"

namespace slm {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";      ///< how SentencePiece writes a space
constexpr std::string_view kUnknownText = " \u2047 ";  ///< what SentencePiece decodes <unk> to

void append_with_spaces(std::string_view piece, std::string& text) {
  for (size_t mark; (mark = piece.find(kSpaceMark)) != std::string_view::npos;
       piece.remove_prefix(mark + kSpaceMark.size())) {
    text.append(piece.substr(0, mark));
    text.push_back(' ');
  }
  text.append(piece);
}

/// Control tokens that end a text in every model.
constexpr std::array<std::string_view, 9> kEndsOfText = {"<|im_end|>", "<|endoftext|>",   "<|eot_id|>",
                                                         "<|eom_id|>", "<|end_of_text|>", "<end_of_turn>",
                                                         "</s>",       "<eos>",           "<|end|>"};

/// "<0x0A>" → '\n'; anything else is not a byte piece.
std::optional<char> byte_of_piece(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return std::nullopt;
  int value = 0;
  for (const char c : piece.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    value = 16 * value + digit;
  }
  return static_cast<char>(static_cast<uint8_t>(value));
}

}  // namespace

bool set_bpe_token(TokenTable& table, int32_t id, std::string_view spelling, bool added) {
  const std::optional<std::string> bytes = byte_level_bytes(spelling);
  const bool literal = !bytes || (added && *bytes != spelling);
  return table.set(id, literal ? spelling : std::string_view(*bytes), literal);
}

Merge resolve_merge(const TokenTable& table, std::string_view left, std::string_view right, size_t rank,
                    const std::string& path) {
  const std::optional<std::string> left_bytes = byte_level_bytes(left), right_bytes = byte_level_bytes(right);
  Merge merge{TokenTable::kNone, TokenTable::kNone, TokenTable::kNone};
  if (left_bytes && right_bytes)
    merge = {table.find(*left_bytes), table.find(*right_bytes), table.find(*left_bytes + *right_bytes)};
  if (merge.left == TokenTable::kNone || merge.right == TokenTable::kNone || merge.merged == TokenTable::kNone)
    throw FormatError(
        path, fmt::format("[tokenizer] merge {} {} {}: its parts and its result must be in the vocabulary", rank,
                          quote_text(left), quote_text(right)));
  return merge;
}

void add_eos_id(Tokenizer::Impl& impl, int64_t id) {
  if (id < 0 || id >= impl.table.size()) return;
  const auto token = static_cast<int32_t>(id);
  if (std::find(impl.eos_ids.begin(), impl.eos_ids.end(), token) == impl.eos_ids.end()) impl.eos_ids.push_back(token);
}

bool ends_text_by_name(std::string_view control_token) {
  return std::find(kEndsOfText.begin(), kEndsOfText.end(), control_token) != kEndsOfText.end();
}

void add_known_eos_ids(Tokenizer::Impl& impl) {
  if (impl.eos_id) impl.eos_ids.insert(impl.eos_ids.begin(), *impl.eos_id);
  const std::vector<int32_t> configured = std::exchange(impl.eos_ids, {});
  for (const int32_t id : configured) add_eos_id(impl, id);
  for (const std::string_view name : kEndsOfText) {
    for (const bool literal : {false, true}) {
      const int32_t id = impl.table.find(name, literal);
      if (id != TokenTable::kNone && impl.types[static_cast<size_t>(id)] == TokenType::Control) add_eos_id(impl, id);
    }
  }
  if (!impl.eos_id && !impl.eos_ids.empty()) impl.eos_id = impl.eos_ids.front();
}

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return from_folder(path);
  if (error && error != std::errc::no_such_file_or_directory)  // which opening it reports
    throw IoError("[tokenizer] " + path.string(), error.value());
  const bool is_json = path.extension() == ".json";
  if (!is_json && path.extension() != ".model") return from_gguf(GgufFile::open(path));
  auto impl = std::make_shared<Impl>();
  is_json ? read_tokenizer_json(path, *impl) : read_tokenizer_model(path, *impl);
  add_known_eos_ids(*impl);
  return Tokenizer(std::move(impl));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  const Impl& impl = *impl_;
  std::string repaired;
  if (valid_utf8_prefix(text) < text.size()) {
    repaired = replace_invalid_utf8(text);
    text = repaired;
  }
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3 + 2);
  if (options.add_bos && impl.bos_id) ids.push_back(*impl.bos_id);
  const auto token = [&](int32_t id) { ids.push_back(id); };
  const auto word = [&](std::string_view piece) { impl.bpe->encode(impl.table, piece, ids); };
  std::optional<Pretokenizer::Run> run;
  if (impl.pretokenizer) run.emplace(*impl.pretokenizer, text.size());
  const auto normalized = [&](std::string_view stretch) { run->split(stretch, word); };
  const auto raw = [&](std::string_view stretch) {
    if (impl.sentencepiece) {
      const bool continues = options.continues && stretch.data() == text.data();
      return continues ? impl.sentencepiece->encode_continuation(stretch, ids)
                       : impl.sentencepiece->encode(stretch, ids);
    }
    std::string composed;
    if (impl.nfc && !is_surely_nfc(stretch)) {
      composed = nfc(stretch);
      stretch = composed;
    }
    impl.normalized_tokens.split(stretch, options.control_tokens, normalized, token);
  };
  impl.raw_tokens.split(text, options.control_tokens, raw, token);
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string bytes;
  bool at_start = impl_->add_space_prefix;
  for (const int32_t id : ids) {
    if (skip_special && is_control(id)) continue;
    append_token_bytes(id, bytes);
    if (at_start && !bytes.empty()) {
      if (type(id) == TokenType::Normal && bytes.front() == ' ') bytes.erase(0, 1);
      at_start = false;
    }
  }
  return valid_utf8_prefix(bytes) == bytes.size() ? bytes : replace_invalid_utf8(bytes);
}

int32_t Tokenizer::vocab_size() const { return impl_->table.size(); }

TokenType Tokenizer::type(int32_t id) const {
  SLM_CHECK(id >= 0 && id < vocab_size(), "[tokenizer] id {}, expected 0 to {}", id, vocab_size() - 1);
  return impl_->types[static_cast<size_t>(id)];
}

std::string Tokenizer::piece(int32_t id) const {
  static_cast<void>(type(id));
  const std::string_view bytes = impl_->table.bytes(id);
  return impl_->table.literal(id) ? std::string(bytes) : byte_level_spelling(bytes);
}

std::string Tokenizer::token_bytes(int32_t id) const {
  std::string bytes;
  append_token_bytes(id, bytes);
  return bytes;
}

void Tokenizer::append_token_bytes(int32_t id, std::string& bytes) const {
  const TokenType kind = type(id);
  const std::string_view piece = impl_->table.bytes(id);
  if (kind == TokenType::Unused) return;
  if (!impl_->sentencepiece || kind == TokenType::Control) {
    bytes += piece;
  } else if (kind == TokenType::Unknown) {
    bytes += kUnknownText;
  } else if (const auto byte = kind == TokenType::Byte ? byte_of_piece(piece) : std::nullopt) {
    bytes += *byte;
  } else {
    append_with_spaces(piece, bytes);
  }
}

std::optional<int32_t> Tokenizer::find(std::string_view piece) const {
  int32_t id = impl_->table.find(piece, /*literal=*/true);
  if (id == TokenTable::kNone && !impl_->sentencepiece) {
    if (const auto bytes = byte_level_bytes(piece)) id = impl_->table.find(*bytes);
  }
  return id == TokenTable::kNone ? std::nullopt : std::optional<int32_t>(id);
}

const std::vector<int32_t>& Tokenizer::eos_ids() const { return impl_->eos_ids; }
bool Tokenizer::is_eos(int32_t id) const {
  return std::find(impl_->eos_ids.begin(), impl_->eos_ids.end(), id) != impl_->eos_ids.end();
}
std::optional<int32_t> Tokenizer::bos_id() const { return impl_->bos_id; }
bool Tokenizer::add_bos() const { return impl_->add_bos && impl_->bos_id; }
bool Tokenizer::adds_space_prefix() const { return impl_->add_space_prefix; }
const std::string& Tokenizer::chat_template() const { return impl_->chat_template; }

TokenizerData Tokenizer::data() const {
  const Impl& impl = *impl_;
  TokenizerData data{.model = impl.bpe ? "gpt2" : impl.only_sentencepiece ? "sentencepiece" : "llama", .pre = impl.pre};
  for (int32_t id = 0; id < vocab_size(); ++id) {
    if (impl.sentencepiece && type(id) == TokenType::UserDefined) {
      data.tokens.push_back(token_bytes(id));  // with spaces, as llama.cpp looks for them in the text
      continue;
    }
    // GGUF names an id without a token so; llama.cpp needs every name once.
    data.tokens.push_back(impl.table.has(id) ? piece(id) : fmt::format("[PAD{}]", id));
  }
  data.scores = impl.scores;
  data.types = impl.types;
  if (impl.bpe) {
    for (const Merge& merge : impl.bpe->merges()) data.merges.push_back(piece(merge.left) + " " + piece(merge.right));
  } else {
    data.add_space_prefix = impl.add_space_prefix;
    data.remove_extra_whitespaces = impl.remove_extra_whitespaces;
  }
  data.bos_id = impl.bos_id;
  data.eos_id = impl.eos_id;
  data.eos_ids = impl.eos_ids;
  data.unk_id = impl.unk_id;
  data.pad_id = impl.pad_id;
  for (const std::string_view name : {"<|im_end|>", "<|eot_id|>", "<end_of_turn>"}) {
    const auto id = find(name);
    if (id && is_control(*id) && id != impl.eos_id && !data.eot_id) data.eot_id = id;
  }
  data.add_bos = impl.add_bos;
  data.chat_template = impl.chat_template;
  return data;
}

}  // namespace slm
