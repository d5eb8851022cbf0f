// SPDX-License-Identifier: Apache-2.0
// Only what byte-level BPE models use is supported: a step left out would silently make other tokens.
#include "text/tokenizer_json_parts.h"

#include <string_view>
#include <utility>

#include "slm/core/check.h"
#include "slm/text/byte_level.h"
#include "slm/text/normalizer.h"

namespace slm {
namespace {

/// The pattern that matches just this text.
std::string quote(const std::string& literal) {
  std::string pattern;
  for (const char c : literal) {
    if (std::string_view(R"(\^$.|?*+()[]{}#-)").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace

void TokenizerJsonParts::normalizer(const Json& part) {
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

bool TokenizerJsonParts::pre_tokenizer(const Json& part, std::vector<std::string>& patterns) {
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

void TokenizerJsonParts::post_processor(const Json& part) {
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

void TokenizerJsonParts::decoder(const Json& part) {
  if (part.is_null()) return;
  const auto type = json_require<std::string>(part, "type", path_);
  if (type == "Sequence") {
    for (const Json& step : array(part, "decoders")) decoder(step);
  } else if (type != "ByteLevel") {
    unsupported("decoder", type, "ByteLevel");
  }
}

void TokenizerJsonParts::added_tokens() {
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
      throw FormatError(path_, fmt::format("[tokenizer.json] id {} of \"{}\", expected below {}", token.id, token.text,
                                           TokenTable::kMaxTokens));
    // A token of the vocabulary may be added too: its bytes stay those the vocabulary spells.
    const bool known = impl_.table.has(token.id);
    if (known && spelling(token.id) != token.text)
      throw FormatError(path_,
                        fmt::format("[tokenizer.json] id {} of \"{}\" belongs to another token", token.id, token.text));
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

void TokenizerJsonParts::check_model(const Json& model) {
  const auto type = json_value<std::string>(model, "type", "BPE", path_);
  if (type != "BPE") unsupported("model", type, "BPE");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!json_value<std::string>(model, key, "", path_).empty()) unsupported("model", key, "none");
  }
  if (json_value<bool>(model, "byte_fallback", false, path_))
    unsupported("model", "byte_fallback", "a byte-level vocabulary");
  if (json_value<double>(model, "dropout", 0.0, path_) != 0.0) unsupported("model", "dropout", "none");
}

void TokenizerJsonParts::check_unknown(const Json& model) {
  if (json_value<std::string>(model, "unk_token", "", path_).empty()) return;
  for (int b = 0; b < 0xF5; ++b) {
    const char byte = static_cast<char>(static_cast<uint8_t>(b));
    if (b != 0xC0 && b != 0xC1 && impl_.table.find({&byte, 1}) == TokenTable::kNone)
      unsupported("model", fmt::format("unk_token, and no token for byte 0x{:02X}", b), "a byte-level vocabulary");
  }
}

void TokenizerJsonParts::unsupported(const char* part, const std::string& found, const char* expected) const {
  throw FormatError(path_, fmt::format("[tokenizer.json] {}: {} is not supported, expected {}", part, found, expected));
}

std::vector<Json> TokenizerJsonParts::array(const Json& part, const char* key) const {
  return json_require<std::vector<Json>>(part, key, path_);
}

std::string TokenizerJsonParts::spelling(int32_t id) const {
  const std::string_view bytes = impl_.table.bytes(id);
  return impl_.table.literal(id) ? std::string(bytes) : byte_level_spelling(bytes);
}

}  // namespace slm
