// SPDX-License-Identifier: Apache-2.0
#include "export/gguf_keys.h"

#include "slm/core/check.h"

namespace slm {

uint32_t gguf_file_type(WeightScheme scheme) {
  switch (info(scheme).gguf_dtype.value_or(Dtype::I8)) {
    case Dtype::F32:
      return 0;
    case Dtype::F16:
      return 1;
    case Dtype::Q4_0:
      return 2;
    case Dtype::Q4_1:
      return 3;
    case Dtype::Q8_0:
      return 7;
    case Dtype::BF16:
      return 32;
    default:
      return 1024;  // "guessed": llama.cpp has no number for it
  }
}

InputKeys::InputKeys(const StaticInputs& inputs) : inputs_(inputs) {
  for (const auto& [name, params] : inputs) names_.push_back(gguf_tensor_name(name));
}

void InputKeys::set(GgufWriter& writer) const {
  if (inputs_.empty()) return;
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  for (const auto& [name, params] : inputs_) {
    scales.push_back(params.scale);
    zeros.push_back(params.zero);
  }
  writer.set_strings(std::string(kInputTensorsKey), {names_.begin(), names_.end()});
  writer.set_f32s(std::string(kInputScalesKey), scales);
  writer.set_i32s(std::string(kInputZerosKey), zeros);
}

void set_model_keys(GgufWriter& writer, const ModelConfig& c) {
  const std::string prefix = std::string(name(c.family)) + ".";
  const auto number = [&](const char* key, int64_t value) {
    SLM_CHECK(value >= 0 && value <= UINT32_MAX, "[gguf] {}{} is {}, expected at most 2^32 - 1", prefix, key, value);
    writer.set_u32(prefix + key, static_cast<uint32_t>(value));
  };
  number("block_count", c.layers);
  number("context_length", c.context);
  number("embedding_length", c.width);
  number("feed_forward_length", c.ffn);
  number("attention.head_count", c.heads);
  number("attention.head_count_kv", c.kv_heads);
  number("attention.key_length", c.head_dim);
  number("attention.value_length", c.head_dim);
  writer.set_f32(prefix + "attention.layer_norm_rms_epsilon", c.norm_eps);
  number("rope.dimension_count", c.head_dim);
  writer.set_f32(prefix + "rope.freq_base", static_cast<float>(c.rope_theta));
  number("vocab_size", c.vocab);
}

PaddedTokens::PaddedTokens(const TokenizerData& tokenizer, int64_t rows) {
  const size_t n = static_cast<size_t>(rows);
  SLM_CHECK(tokenizer.tokens.size() <= n, "[export] the tokenizer has {} tokens, the embedding {} rows",
            tokenizer.tokens.size(), n);
  SLM_CHECK(tokenizer.types.size() == tokenizer.tokens.size(),
            "[export] the tokenizer has {} tokens and {} token types", tokenizer.tokens.size(), tokenizer.types.size());
  tokens_.reserve(n);
  types_.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    const bool named = i < tokenizer.tokens.size() && !tokenizer.tokens[i].empty();
    tokens_.push_back(named ? std::string_view(tokenizer.tokens[i]) : made_.emplace_back(fmt::format("[PAD{}]", i)));
    types_.push_back(static_cast<int32_t>(named ? tokenizer.types[i] : TokenType::Unused));
  }
}

namespace {

/// Ids that end a text and that neither eos nor eot nor the token's name says: llama.cpp has one key more, eom; where
/// that does not suffice either, slm.eos_token_ids lists them all.
void set_further_eos_keys(GgufWriter& writer, const TokenizerData& t) {
  std::vector<uint64_t> unsaid;
  for (const int32_t id : t.eos_ids) {
    const size_t i = static_cast<size_t>(id);
    SLM_CHECK(id >= 0 && i < t.tokens.size(), "[export] EOS id {}, the vocabulary has {} tokens", id, t.tokens.size());
    const bool named = t.types[i] == TokenType::Control && ends_text_by_name(t.tokens[i]);
    if (id != t.eos_id && id != t.eot_id && !named) unsaid.push_back(i);
  }
  if (!unsaid.empty()) writer.set_u32("tokenizer.ggml.eom_token_id", static_cast<uint32_t>(unsaid[0]));
  if (unsaid.size() > 1)
    writer.set("slm.eos_token_ids",
               {GgufType::Array, GgufArray{GgufType::U32, std::vector<uint64_t>(t.eos_ids.begin(), t.eos_ids.end())}});
}

}  // namespace

void set_tokenizer_keys(GgufWriter& writer, const TokenizerData& t, const PaddedTokens& tokens) {
  const std::string prefix = "tokenizer.ggml.";
  SLM_CHECK(t.model == "gpt2" || t.model == "llama",
            "[export] a tokenizer of kind {}, expected byte-level BPE (gpt2) or SentencePiece BPE (llama): "
            "unigram models and models with a normalization table are not written to GGUF",
            t.model);
  SLM_CHECK(t.model != "gpt2" || !t.pre.empty(),
            "[export] GGUF has no name for this tokenizer's pre-tokenizer (tokenizer.ggml.pre): "
            "llama.cpp would cut texts differently");
  writer.set_string(prefix + "model", t.model);
  if (!t.pre.empty()) writer.set_string(prefix + "pre", t.pre);
  writer.set_strings(prefix + "tokens", tokens.tokens());
  writer.set_i32s(prefix + "token_type", tokens.types());
  if (!t.scores.empty()) {
    SLM_CHECK(t.scores.size() == t.tokens.size(), "[export] the tokenizer has {} tokens and {} scores", t.tokens.size(),
              t.scores.size());
    std::vector<float> scores = t.scores;
    scores.resize(tokens.tokens().size(), -1000.0f);  // what llama.cpp's converter gives a padding token
    writer.set_f32s(prefix + "scores", std::move(scores));
  }
  if (!t.merges.empty()) writer.set_strings(prefix + "merges", {t.merges.begin(), t.merges.end()});
  const auto id = [&](const char* key, const std::optional<int32_t>& value) {
    if (!value) return;
    SLM_CHECK(*value >= 0 && static_cast<size_t>(*value) < tokens.tokens().size(),
              "[export] {}{} is {}, the vocabulary has {} tokens", prefix, key, *value, tokens.tokens().size());
    writer.set_u32(prefix + key, static_cast<uint32_t>(*value));
  };
  id("bos_token_id", t.bos_id);
  id("eos_token_id", t.eos_id);
  id("eot_token_id", t.eot_id);
  id("unknown_token_id", t.unk_id);
  id("padding_token_id", t.pad_id);
  set_further_eos_keys(writer, t);
  writer.set_bool(prefix + "add_bos_token", t.add_bos);
  if (t.add_space_prefix) writer.set_bool(prefix + "add_space_prefix", *t.add_space_prefix);
  if (t.remove_extra_whitespaces) writer.set_bool(prefix + "remove_extra_whitespaces", *t.remove_extra_whitespaces);
  if (!t.chat_template.empty()) writer.set_string("tokenizer.chat_template", t.chat_template);
}

}  // namespace slm
