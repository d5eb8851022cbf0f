// SPDX-License-Identifier: Apache-2.0
// The files beside the vocabulary in a Hugging Face folder: special tokens, EOS ids, the chat template.
#include <set>

#include "io/path_exists.h"
#include "slm/core/check.h"
#include "slm/io/json.h"
#include "slm/io/mapped_file.h"
#include "text/tokenizer_impl.h"

namespace slm {
namespace {

/// "eos_token": "</s>", or {"content": "</s>", …}, or null.
std::string token_text(const Json& config, const char* key, const std::string& path) {
  const auto value = json_value<Json>(config, key, Json(), path);
  if (value.is_object()) return json_require<std::string>(value, "content", path);
  return json_value<std::string>(config, key, "", path);
}

/// "eos_token_id": 2, or [2, 3], or null.
std::vector<int64_t> token_ids(const Json& config, const char* key, const std::string& path) {
  const auto value = json_value<Json>(config, key, Json(), path);
  if (value.is_array()) return json_value<std::vector<int64_t>>(config, key, {}, path);
  const auto id = json_value<int64_t>(config, key, -1, path);
  return id < 0 ? std::vector<int64_t>{} : std::vector<int64_t>{id};
}

/// "chat_template": a text, or [{"name": "default", "template": …}, …].
std::string chat_template_text(const Json& config, const std::string& path) {
  const auto value = json_value<Json>(config, "chat_template", Json(), path);
  if (!value.is_array()) return json_value<std::string>(config, "chat_template", "", path);
  for (const Json& entry : value) {
    if (json_require<std::string>(entry, "name", path) == "default")
      return json_require<std::string>(entry, "template", path);
  }
  return {};
}

class Folder {
 public:
  Folder(const std::filesystem::path& folder, Tokenizer::Impl& impl) : folder_(folder), impl_(impl) {}

  /// Tokens that tokenizer.model does not have:
  /// added_tokens.json {"text": id}, tokenizer_config's added_tokens_decoder.
  void add_tokens_to_sentencepiece() {
    std::vector<AddedToken> tokens;
    std::set<int32_t> found;
    const auto add = [&](AddedToken token, const std::string& path) {
      if (token.id < 0 || token.id >= TokenTable::kMaxTokens)
        throw FormatError(path, fmt::format("[tokenizer] id {} of \"{}\", expected below {}", token.id, token.text,
                                            TokenTable::kMaxTokens));
      const auto id = static_cast<size_t>(token.id);
      if (impl_.table.set(token.id, token.text, /*literal=*/true)) {
        impl_.types.resize(static_cast<size_t>(impl_.table.size()), TokenType::Unused);
        impl_.scores.resize(impl_.types.size(), -1000.0f);
        impl_.types[id] = token.control ? TokenType::Control : TokenType::UserDefined;
      } else if (impl_.types[id] != TokenType::Control || impl_.table.bytes(token.id) != token.text) {
        return;  // the model's own, which SentencePiece finds
      }
      // Of a control token of the model, or one given twice, the first word on white space counts.
      if (found.insert(token.id).second) tokens.push_back(std::move(token));
    };
    if (const auto config = read("tokenizer_config.json")) {
      const auto decoder = json_value<Json>(*config, "added_tokens_decoder", Json::object(), path_);
      if (!decoder.is_object()) throw FormatError(path_, "[tokenizer] added_tokens_decoder, expected an object");
      for (const auto& [id, entry] : decoder.items()) {
        const bool number = !id.empty() && id.size() < 9 && id.find_first_not_of("0123456789") == std::string::npos;
        if (!number)
          throw FormatError(path_, fmt::format("[tokenizer] added_tokens_decoder \"{}\", expected an id", id));
        add({.text = json_require<std::string>(entry, "content", path_),
             .id = std::stoi(id),
             .control = json_value<bool>(entry, "special", false, path_),
             .strips_left = json_value<bool>(entry, "lstrip", false, path_),
             .strips_right = json_value<bool>(entry, "rstrip", false, path_)},
            path_);
      }
    }
    if (const auto added = read("added_tokens.json")) {
      if (!added->is_object()) throw FormatError(path_, "[tokenizer] expected an object of ids");
      for (const auto& [text, id] : added->items())
        add({.text = text, .id = json_require<int32_t>(*added, text.c_str(), path_), .control = true}, path_);
    }
    for (int32_t id = 0; id < impl_.table.size(); ++id) {
      if (impl_.types[static_cast<size_t>(id)] == TokenType::Control && impl_.table.has(id) && !found.contains(id))
        tokens.push_back({.text = std::string(impl_.table.bytes(id)), .id = id, .control = true});
    }
    impl_.table.build_index();
    impl_.raw_tokens = AddedTokens(std::move(tokens));
  }

  void read_special_tokens() {
    for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
      const auto config = read(name);
      if (!config) continue;
      use(impl_.bos_id, token_text(*config, "bos_token", path_), named_.bos);
      use(impl_.eos_id, token_text(*config, "eos_token", path_), named_.eos);
      use(impl_.unk_id, token_text(*config, "unk_token", path_), named_.unk);
      use(impl_.pad_id, token_text(*config, "pad_token", path_), named_.pad);
      impl_.add_bos = json_value<bool>(*config, "add_bos_token", impl_.add_bos, path_);
      if (impl_.chat_template.empty()) impl_.chat_template = chat_template_text(*config, path_);
    }
    for (const char* name : {"generation_config.json", "config.json"}) {
      const auto config = read(name);
      if (!config) continue;
      for (const int64_t id : token_ids(*config, "eos_token_id", path_)) add_eos_id(impl_, id);
      for (const int64_t id : token_ids(*config, "bos_token_id", path_)) {
        if (!impl_.bos_id && id < impl_.table.size()) impl_.bos_id = static_cast<int32_t>(id);
      }
    }
    if (path_exists(folder_ / "chat_template.jinja")) impl_.chat_template = read_file(folder_ / "chat_template.jinja");
  }

 private:
  std::optional<Json> read(const char* name) {
    path_ = (folder_ / name).string();
    if (!path_exists(path_)) return std::nullopt;
    return parse_json_file(path_);
  }
  /// The first file that names a token decides; a name that is no token is ignored, as the official library does.
  void use(std::optional<int32_t>& slot, const std::string& text, bool& named) const {
    if (text.empty() || named) return;
    for (const bool literal : {true, false}) {
      const int32_t id = impl_.table.find(text, literal);
      if (id != TokenTable::kNone) {
        slot = id;
        named = true;
        return;
      }
    }
  }

  const std::filesystem::path& folder_;
  Tokenizer::Impl& impl_;
  std::string path_;
  struct {
    bool bos = false, eos = false, unk = false, pad = false;
  } named_;
};

}  // namespace

void use_sentencepiece(SentencePieceSpec spec, std::string_view model_proto, const std::string& path,
                       Tokenizer::Impl& impl) {
  const std::string rebuilt = model_proto.empty() ? serialize_sentencepiece(spec) : std::string();
  const auto count = static_cast<int32_t>(spec.pieces.size());
  if (spec.pieces.size() > static_cast<size_t>(TokenTable::kMaxTokens))
    throw FormatError(path, fmt::format("[sentencepiece] {} pieces, expected at most {}", spec.pieces.size(),
                                        TokenTable::kMaxTokens));
  impl.sentencepiece.emplace(model_proto.empty() ? std::string_view(rebuilt) : model_proto, spec, path);
  impl.only_sentencepiece = spec.unigram || spec.rewrites_text;
  impl.add_space_prefix = spec.add_dummy_prefix;
  impl.remove_extra_whitespaces = spec.remove_extra_whitespaces;
  const auto id_or_none = [&](int32_t id) { return id >= 0 && id < count ? std::optional<int32_t>(id) : std::nullopt; };
  impl.unk_id = id_or_none(spec.unk_id);
  impl.bos_id = id_or_none(spec.bos_id);
  impl.eos_id = id_or_none(spec.eos_id);
  impl.pad_id = id_or_none(spec.pad_id);
  std::vector<AddedToken> control;
  for (int32_t id = 0; id < count; ++id) {
    const SentencePieceSpec::Piece& piece = spec.pieces[static_cast<size_t>(id)];
    impl.table.set(id, piece.text, /*literal=*/true);
    impl.types.push_back(piece.type);
    impl.scores.push_back(piece.score);
    if (piece.type == TokenType::Control) control.push_back({.text = piece.text, .id = id, .control = true});
  }
  impl.table.build_index();
  impl.raw_tokens = AddedTokens(std::move(control));
}

void read_tokenizer_model(const std::filesystem::path& file, Tokenizer::Impl& impl) {
  const auto mapped = MappedFile::open(file);
  const std::string_view bytes(reinterpret_cast<const char*>(mapped->bytes().data()), mapped->bytes().size());
  use_sentencepiece(parse_sentencepiece(bytes, file.string()), bytes, file.string(), impl);
  impl.add_bos = impl.bos_id.has_value();  // the default of Llama's and Gemma's tokenizers
}

Tokenizer Tokenizer::from_folder(const std::filesystem::path& folder) {
  auto impl = std::make_shared<Impl>();
  Folder files(folder, *impl);
  if (path_exists(folder / "tokenizer.model")) {
    read_tokenizer_model(folder / "tokenizer.model", *impl);
    files.add_tokens_to_sentencepiece();
  } else if (path_exists(folder / "tokenizer.json")) {
    read_tokenizer_json(folder / "tokenizer.json", *impl);
  } else {
    throw IoError("[tokenizer] " + folder.string() + ": neither tokenizer.model nor tokenizer.json", ENOENT);
  }
  files.read_special_tokens();
  add_known_eos_ids(*impl);
  return Tokenizer(std::move(impl));
}

}  // namespace slm
