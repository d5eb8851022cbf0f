// SPDX-License-Identifier: Apache-2.0
#include "export/tokenizer_json.h"

#include "slm/core/check.h"
#include "slm/text/pretokenizer.h"

namespace slm {
namespace {

std::string token_of(const TokenizerData& t, int32_t id) {
  SLM_CHECK(id >= 0 && static_cast<size_t>(id) < t.tokens.size(), "[export] token id {} of a vocabulary of {}", id,
            t.tokens.size());
  return t.tokens[static_cast<size_t>(id)];
}

Json byte_level() {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
}

Json pre_tokenizer(const KnownPretokenizer& known) {
  Json steps = Json::array();
  for (const std::string& pattern : known.patterns)
    steps.push_back(
        {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}});
  steps.push_back(byte_level());
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

/// Puts bos before a text, where the model's texts begin with it.
Json post_processor(const TokenizerData& t) {
  if (!t.add_bos || !t.bos_id) return byte_level();
  const std::string bos = token_of(t, *t.bos_id);
  const auto part = [](const char* kind, const std::string& id, int type) {
    return Json{{kind, {{"id", id}, {"type_id", type}}}};
  };
  const Json one = Json::array({part("SpecialToken", bos, 0), part("Sequence", "A", 0)});
  Json two = one;
  two.push_back(part("SpecialToken", bos, 1));
  two.push_back(part("Sequence", "B", 1));
  return {{"type", "TemplateProcessing"},
          {"single", one},
          {"pair", two},
          {"special_tokens", {{bos, {{"id", bos}, {"ids", {*t.bos_id}}, {"tokens", {bos}}}}}}};
}

}  // namespace

Json make_tokenizer_json(const TokenizerData& t) {
  SLM_CHECK(t.model == "gpt2",
            "[export] the tokenizer is \"{}\", only byte-level BPE (gpt2) can become a tokenizer.json", t.model);
  const KnownPretokenizer* known = find_pretokenizer(t.pre);
  SLM_CHECK(known != nullptr, "[export] pre-tokenizer \"{}\" is not known", t.pre);
  Json vocab = Json::object(), added = Json::array();
  for (size_t id = 0; id < t.tokens.size(); ++id) {
    const TokenType type = t.types[id];
    if (type == TokenType::Unused) continue;
    vocab[t.tokens[id]] = id;
    if (type == TokenType::Control || type == TokenType::UserDefined)
      added.push_back({{"id", id},
                       {"content", t.tokens[id]},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", type == TokenType::Control}});
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", known->nfc ? Json{{"type", "NFC"}} : Json(nullptr)},
          {"pre_tokenizer", pre_tokenizer(*known)},
          {"post_processor", post_processor(t)},
          {"decoder", byte_level()},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", known->ignore_merges},
            {"vocab", std::move(vocab)},
            {"merges", t.merges}}}};
}

Json make_tokenizer_config_json(const TokenizerData& t) {
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"add_bos_token", t.add_bos},
                 {"clean_up_tokenization_spaces", false}};
  const auto token = [&](const char* key, const std::optional<int32_t>& id) {
    if (id) config[key] = token_of(t, *id);
  };
  token("bos_token", t.bos_id);
  token("eos_token", t.eos_id);
  token("unk_token", t.unk_id);
  token("pad_token", t.pad_id);
  if (!t.chat_template.empty()) config["chat_template"] = t.chat_template;
  return config;
}

}  // namespace slm
