// SPDX-License-Identifier: Apache-2.0
// The committed tiny models, and one of any size made on the spot: what the export tests read.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "slm/core/rng.h"
#include "slm/io/atomic_file.h"
#include "slm/io/safetensors.h"
#include "slm/model/model_files.h"
#include "slm/quant/fake_quant.h"
#include "slm/text/tokenizer.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {

inline std::filesystem::path tiny_model(std::string_view name) {
  return std::filesystem::path(SLM_SOURCE_DIR) / "tests/golden/data/tiny" / name;
}

/// Both families, tied and untied, folders (BF16, F32 in shards, F32, F16) and GGUF files (every type io reads).
inline constexpr std::array kTinyModels = {"qwen2_tied",
                                           "qwen2_untied",
                                           "llama_tied",
                                           "llama_untied",
                                           "gguf/llama_tied_f32.gguf",
                                           "gguf/llama_tied_q8_0.gguf",
                                           "gguf/qwen2_mixed.gguf",
                                           "gguf/qwen2_untied_q4_0.gguf"};

inline std::string test_name(std::string_view model) {
  std::string name(model);
  for (char& c : name)
    if (c == '/' || c == '.') c = '_';
  return name;
}

/// All values of a tensor in the model's order.
inline std::vector<float> values_of(const ModelFiles& model, const std::string& name) {
  const ModelTensor& tensor = model.tensor(name);
  if (tensor.stored.tensor.shape().rank() == 1) return model.vector(name);
  const size_t k = static_cast<size_t>(tensor.source.k());
  std::vector<float> values(static_cast<size_t>(tensor.source.n()) * k);
  for (int64_t r = 0; r < tensor.source.n(); ++r)
    tensor.source.decode_row(r, std::span(values).subspan(static_cast<size_t>(r) * k, k));
  return values;
}

/// What a matrix should hold after export: its own bytes where they are of the scheme already, else fake-quantized.
inline std::vector<float> expected_values(const ModelFiles& model, const std::string& name, WeightScheme scheme) {
  const ModelTensor& tensor = model.tensor(name);
  std::vector<float> values = values_of(model, name);
  if (tensor.source.native() != scheme) fake_quant(scheme, tensor.source.k(), values, values, {});
  return values;
}

inline void expect_equal_bits(const std::vector<float>& found, const std::vector<float>& expected,
                              const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0) << what;
}

/// A vocabulary of 256 bytes and one control token, byte-level BPE without merges.
inline TokenizerData plain_tokenizer() {
  TokenizerData t{.model = "gpt2", .pre = "qwen2"};
  for (int i = 0; i < 256; ++i) t.tokens.push_back("byte" + std::to_string(i));
  t.types.assign(256, TokenType::Normal);
  t.tokens.push_back("<|endoftext|>");
  t.types.push_back(TokenType::Control);
  t.eos_id = 256;
  return t;
}

/// Writes a folder of one block with seeded weights and biases, all of F32; the embedding's first value is `first`.
inline void make_folder(const std::filesystem::path& folder, Family family, int width, int vocab, float first = 0.5f) {
  std::filesystem::create_directories(folder);
  write_file(
      folder / "config.json",
      fmt::format(R"({{"model_type":"{}","attention_bias":true,"vocab_size":{},"hidden_size":{},"num_hidden_layers":1,)"
                  R"("num_attention_heads":{},"num_key_value_heads":1,"intermediate_size":{},"rms_norm_eps":1e-6,)"
                  R"("hidden_act":"silu","tie_word_embeddings":true,"max_position_embeddings":64}})",
                  name(family), vocab, width, std::max(1, width / 64), width));
  std::vector<SafetensorsEntry> entries;
  for (const ExpectedTensor& tensor : expected_tensors(read_hf_config(folder / "config.json")))
    entries.push_back({tensor.name, Dtype::F32, tensor.shape});
  write_safetensors(folder / "model.safetensors", entries, {}, [&](size_t i, const ByteSink& sink) {
    Rng random(i + 1);
    std::vector<float> values(static_cast<size_t>(entries[i].shape.elements()));
    for (float& value : values) value = static_cast<float>(random.normal());
    if (i == 0) values[0] = first;
    sink(std::as_bytes(std::span<const float>(values)));
  });
}

inline void make_qwen2_folder(const std::filesystem::path& folder, int width, int vocab, float first = 0.5f) {
  make_folder(folder, Family::Qwen2, width, vocab, first);
}

}  // namespace slm
