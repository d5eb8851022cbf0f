// SPDX-License-Identifier: Apache-2.0
// tokenizer.json of Hugging Face's tokenizers: a byte-level BPE model. The vocabulary and the merges stream past (they
// are 99 % of the file); the rest is a small tree. What is not supported is an error that names it.
#include <fstream>

#include "slm/core/check.h"
#include "slm/io/json.h"
#include "slm/text/byte_level.h"
#include "slm/text/normalizer.h"
#include "text/tokenizer_impl.h"

namespace slm {
namespace {

constexpr size_t kMaxDepth = 100;

/// nlohmann's SAX events → a tree without model.vocab and model.merges, which go to `table` and `merges`.
class Reader : public nlohmann::json_sax<Json> {
 public:
  Reader(const std::string& path, TokenTable& table) : path_(path), table_(table) {}

  Json root;
  size_t merge_count() const { return merge_ends_.size() / 2; }
  std::string_view merge_part(size_t i) const {  ///< left, right, left, right …
    const size_t begin = i == 0 ? 0 : merge_ends_[i - 1];
    return std::string_view(merge_text_).substr(begin, merge_ends_[i] - begin);
  }
  bool has_vocab = false;

  bool null() override { return scalar(nullptr); }
  bool boolean(bool value) override { return scalar(value); }
  bool number_integer(number_integer_t value) override { return scalar(value); }
  bool number_float(number_float_t value, const string_t&) override { return scalar(value); }
  bool binary(binary_t&) override { return false; }
  bool number_unsigned(number_unsigned_t value) override {
    if (zone_ != Zone::Vocab) return scalar(value);
    if (value >= static_cast<uint64_t>(TokenTable::kMaxTokens))
      fail(fmt::format("id {} of \"{}\", expected below {}", value, key_, TokenTable::kMaxTokens));
    if (!set_bpe_token(table_, static_cast<int32_t>(value), key_, /*added=*/false))
      fail(fmt::format("id {} of \"{}\" belongs to another token", value, key_));
    return true;
  }
  bool string(string_t& value) override {
    if (zone_ == Zone::Merges) {
      const size_t space = value.find(' ');
      if (space == std::string::npos || value.find(' ', space + 1) != std::string::npos)
        fail(fmt::format("merge \"{}\", expected two tokens with a space between", value));
      add_merge_part(std::string_view(value).substr(0, space));
      add_merge_part(std::string_view(value).substr(space + 1));
      return true;
    }
    if (zone_ == Zone::Pair) {
      ++pair_size_;
      add_merge_part(value);
      return true;
    }
    return scalar(std::move(value));
  }
  bool key(string_t& value) override {
    key_ = std::move(value);
    return true;
  }
  bool start_object(std::size_t) override {
    if (zone_ == Zone::Tree && in_model() && key_ == "vocab") {
      zone_ = Zone::Vocab;
      has_vocab = true;
      return true;
    }
    return open(Json::object());
  }
  bool start_array(std::size_t) override {
    if (zone_ == Zone::Tree && in_model() && key_ == "merges") {
      zone_ = Zone::Merges;
      return true;
    }
    if (zone_ == Zone::Merges) {
      zone_ = Zone::Pair;
      pair_size_ = 0;
      return true;
    }
    return open(Json::array());
  }
  bool end_object() override {
    if (zone_ == Zone::Vocab) {
      zone_ = Zone::Tree;
    } else {
      close();
    }
    return true;
  }
  bool end_array() override {
    if (zone_ == Zone::Pair) {
      if (pair_size_ != 2) fail(fmt::format("merge {} has {} parts, expected 2", merge_count(), pair_size_));
      zone_ = Zone::Merges;
    } else if (zone_ == Zone::Merges) {
      zone_ = Zone::Tree;
    } else {
      close();
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw FormatError(path_, position > 0 ? position - 1 : 0, "[tokenizer.json] not JSON here");
  }

 private:
  enum class Zone { Tree, Vocab, Merges, Pair };

  [[noreturn]] void fail(const std::string& message) const { throw FormatError(path_, "[tokenizer.json] " + message); }
  /// Directly inside the root's "model" object.
  bool in_model() const { return open_.size() == 2 && open_keys_[1] == "model" && open_[1]->is_object(); }

  void add_merge_part(std::string_view part) {
    merge_text_ += part;
    merge_ends_.push_back(merge_text_.size());
  }
  Json* place(Json value) {
    if (zone_ != Zone::Tree)
      fail(zone_ == Zone::Vocab ? fmt::format("\"{}\" of the vocabulary has no id", key_)
                                : "a merge is no string and no pair");
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  template <class T>
  bool scalar(T&& value) {
    place(Json(std::forward<T>(value)));
    return true;
  }
  bool open(Json container) {
    if (open_.size() >= kMaxDepth) fail(fmt::format("nested deeper than {}", kMaxDepth));
    std::string name = key_;
    open_.push_back(place(std::move(container)));
    open_keys_.push_back(std::move(name));
    return true;
  }
  void close() {
    open_.pop_back();
    open_keys_.pop_back();
  }

  const std::string& path_;
  TokenTable& table_;
  Zone zone_ = Zone::Tree;
  int pair_size_ = 0;
  std::string merge_text_;
  std::vector<size_t> merge_ends_;
  std::string key_;
  std::vector<Json*> open_;  ///< containers from the root to here; only the last one grows, so the pointers hold
  std::vector<std::string> open_keys_;
};

class Interpreter {
 public:
  Interpreter(const Json& root, const std::string& path, Tokenizer::Impl& impl)
      : root_(root), path_(path), impl_(impl) {}

  void normalizer(const Json& part) {
    if (part.is_null()) return;
    const auto type = json_require<std::string>(part, "type", path_);
    if (type == "NFC") {
      impl_.nfc = true;
    } else if (type == "Sequence") {
      for (const Json& step : array(part, "normalizers")) normalizer(step);
    } else {
      unsupported("normalizer", type, "NFC");
    }
  }

  /// Collects patterns; returns true once ByteLevel was seen, which must be the last.
  bool pre_tokenizer(const Json& part, std::vector<std::string>& patterns) {
    const auto type = json_require<std::string>(part, "type", path_);
    if (type == "Sequence") {
      bool last = false;
      for (const Json& step : array(part, "pretokenizers")) {
        if (last) unsupported("pre_tokenizer", "a step after ByteLevel", "ByteLevel as the last");
        last = pre_tokenizer(step, patterns);
      }
      return last;
    }
    if (type == "ByteLevel") {
      if (json_value<bool>(part, "add_prefix_space", true, path_))
        unsupported("pre_tokenizer", "ByteLevel.add_prefix_space", "false");
      if (json_value<bool>(part, "use_regex", true, path_)) patterns.emplace_back(kGpt2Pattern);
      return true;
    }
    if (type == "Digits") {
      patterns.emplace_back(json_value<bool>(part, "individual_digits", false, path_) ? R"(\p{N})" : R"(\p{N}+)");
      return false;
    }
    if (type == "Split") {
      const auto behavior = json_require<std::string>(part, "behavior", path_);
      if (behavior != "Isolated") unsupported("pre_tokenizer", "Split with behavior " + behavior, "Isolated");
      if (json_value<bool>(part, "invert", false, path_)) unsupported("pre_tokenizer", "Split with invert", "false");
      const auto pattern = json_require<Json>(part, "pattern", path_);
      const auto literal = json_value<std::string>(pattern, "String", "", path_);
      patterns.push_back(literal.empty() ? json_require<std::string>(pattern, "Regex", path_) : quote(literal));
      return false;
    }
    unsupported("pre_tokenizer", type, "Sequence, Split, Digits, ByteLevel");
  }

  void post_processor(const Json& part) {
    if (part.is_null()) return;
    const auto type = json_require<std::string>(part, "type", path_);
    if (type == "Sequence") {
      for (const Json& step : array(part, "processors")) post_processor(step);
    } else if (type == "TemplateProcessing") {
      const auto steps = array(part, "single");
      for (size_t i = 0; i < steps.size(); ++i) {
        const Json* special = detail::find_json(steps[i], "SpecialToken", path_);
        if (special == nullptr) continue;
        const auto text = json_require<std::string>(*special, "id", path_);
        if (i != 0)
          unsupported("post_processor", "TemplateProcessing with " + text + " after the text", "a token before it");
        impl_.add_bos = true;
        for (const AddedToken& token : added_) {
          if (token.text == text) impl_.bos_id = token.id;
        }
        if (!impl_.bos_id) unsupported("post_processor", "TemplateProcessing with " + text, "a token of added_tokens");
      }
    } else if (type != "ByteLevel") {  // which only trims offsets
      unsupported("post_processor", type, "ByteLevel, TemplateProcessing, Sequence");
    }
  }

  void decoder(const Json& part) {
    if (part.is_null()) return;
    const auto type = json_require<std::string>(part, "type", path_);
    if (type == "Sequence") {
      for (const Json& step : array(part, "decoders")) decoder(step);
    } else if (type != "ByteLevel") {
      unsupported("decoder", type, "ByteLevel");
    }
  }

  void added_tokens() {
    std::vector<AddedToken> raw, normalized;
    for (const Json& entry : json_value<std::vector<Json>>(root_, "added_tokens", {}, path_)) {
      AddedToken token{.text = json_require<std::string>(entry, "content", path_),
                       .id = json_require<int32_t>(entry, "id", path_),
                       .control = json_value<bool>(entry, "special", false, path_),
                       .strips_left = json_value<bool>(entry, "lstrip", false, path_),
                       .strips_right = json_value<bool>(entry, "rstrip", false, path_)};
      if (json_value<bool>(entry, "single_word", false, path_))
        unsupported("added_tokens", token.text + " with single_word", "false");
      if (token.id < 0 || token.id >= TokenTable::kMaxTokens)
        throw FormatError(path_, fmt::format("[tokenizer.json] id {} of \"{}\", expected below {}", token.id,
                                             token.text, TokenTable::kMaxTokens));
      // A token of the vocabulary may be added too: its bytes stay those the vocabulary spells.
      const bool known = impl_.table.has(token.id);
      if (known && spelling(token.id) != token.text)
        throw FormatError(
            path_, fmt::format("[tokenizer.json] id {} of \"{}\" belongs to another token", token.id, token.text));
      if (!known) set_bpe_token(impl_.table, token.id, token.text, /*added=*/true);
      if (static_cast<size_t>(impl_.table.size()) > impl_.types.size())
        impl_.types.resize(static_cast<size_t>(impl_.table.size()), TokenType::Unused);
      impl_.types[static_cast<size_t>(token.id)] = token.control ? TokenType::Control : TokenType::UserDefined;
      added_.push_back(token);
      if (json_value<bool>(entry, "normalized", !token.control, path_)) {
        if (impl_.nfc) token.text = nfc(token.text);
        normalized.push_back(std::move(token));
      } else {
        raw.push_back(std::move(token));
      }
    }
    impl_.raw_tokens = AddedTokens(std::move(raw));
    impl_.normalized_tokens = AddedTokens(std::move(normalized));
  }

  void check_model(const Json& model) {
    const auto type = json_value<std::string>(model, "type", "BPE", path_);
    if (type != "BPE") unsupported("model", type, "BPE");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!json_value<std::string>(model, key, "", path_).empty()) unsupported("model", key, "none");
    }
    if (json_value<bool>(model, "byte_fallback", false, path_))
      unsupported("model", "byte_fallback", "a byte-level vocabulary");
    if (json_value<double>(model, "dropout", 0.0, path_) != 0.0) unsupported("model", "dropout", "none");
  }

  /// With an unk_token, a byte that has no token would become that; without, it is left out.
  void check_unknown(const Json& model) {
    if (json_value<std::string>(model, "unk_token", "", path_).empty()) return;
    for (int b = 0; b < 0xF5; ++b) {
      const char byte = static_cast<char>(static_cast<uint8_t>(b));
      if (b != 0xC0 && b != 0xC1 && impl_.table.find({&byte, 1}) == TokenTable::kNone)
        unsupported("model", fmt::format("unk_token, and no token for byte 0x{:02X}", b), "a byte-level vocabulary");
    }
  }

 private:
  [[noreturn]] void unsupported(const char* part, const std::string& found, const char* expected) const {
    throw FormatError(path_,
                      fmt::format("[tokenizer.json] {}: {} is not supported, expected {}", part, found, expected));
  }
  std::vector<Json> array(const Json& part, const char* key) const {
    return json_require<std::vector<Json>>(part, key, path_);
  }
  std::string spelling(int32_t id) const {
    const std::string_view bytes = impl_.table.bytes(id);
    return impl_.table.literal(id) ? std::string(bytes) : byte_level_spelling(bytes);
  }
  static std::string quote(const std::string& literal) {
    std::string pattern;
    for (const char c : literal) {
      if (std::string_view(R"(\^$.|?*+()[]{}#-)").find(c) != std::string_view::npos) pattern += '\\';
      pattern += c;
    }
    return pattern;
  }

  const Json& root_;
  const std::string& path_;
  Tokenizer::Impl& impl_;
  std::vector<AddedToken> added_;
};

const Json& member(const Json& object, const char* key) {
  static const Json none;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? none : *found;
}

}  // namespace

void read_tokenizer_json(const std::filesystem::path& file, Tokenizer::Impl& impl) {
  const std::string path = file.string();
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw IoError("[read] " + path, errno);
  if (std::filesystem::is_directory(file)) throw IoError("[read] " + path, EISDIR);
  read_tokenizer_json(stream, path, impl);
}

void read_tokenizer_json(std::istream& stream, const std::string& path, Tokenizer::Impl& impl) {
  Reader reader(path, impl.table);
  Json::sax_parse(stream, &reader);
  const Json& model = member(reader.root, "model");
  if (!model.is_object() || !reader.has_vocab)
    throw FormatError(path, "[tokenizer.json] model.vocab is missing, expected a BPE model");

  impl.types.assign(static_cast<size_t>(impl.table.size()), TokenType::Normal);
  for (int32_t id = 0; id < impl.table.size(); ++id) {
    if (!impl.table.has(id)) impl.types[static_cast<size_t>(id)] = TokenType::Unused;
  }
  Interpreter interpreter(reader.root, path, impl);
  interpreter.check_model(model);
  interpreter.normalizer(member(reader.root, "normalizer"));
  interpreter.added_tokens();
  impl.table.build_index();
  interpreter.check_unknown(model);
  interpreter.post_processor(member(reader.root, "post_processor"));
  interpreter.decoder(member(reader.root, "decoder"));

  std::vector<std::string> patterns;
  if (!interpreter.pre_tokenizer(member(reader.root, "pre_tokenizer"), patterns))
    throw FormatError(path, "[tokenizer.json] pre_tokenizer without ByteLevel is not supported");
  for (const KnownPretokenizer& known : known_pretokenizers()) {
    if (known.patterns == patterns && known.nfc == impl.nfc) impl.pre = known.name;
  }
  try {
    impl.pretokenizer.emplace(std::move(patterns));
  } catch (const ArgumentError& error) {
    throw FormatError(path, error.what());
  }

  std::vector<Merge> merges;
  merges.reserve(reader.merge_count());
  for (size_t i = 0; i < reader.merge_count(); ++i)
    merges.push_back(resolve_merge(impl.table, reader.merge_part(2 * i), reader.merge_part(2 * i + 1), i, path));
  impl.bpe.emplace(impl.table, std::move(merges), json_value<bool>(model, "ignore_merges", false, path));
}

}  // namespace slm
