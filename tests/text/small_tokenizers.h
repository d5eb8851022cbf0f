// SPDX-License-Identifier: Apache-2.0
// The small tokenizers of tests/text/golden, as tokenizer.json and as GGUF, for tests of Tokenizer.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "slm/io/gguf.h"
#include "slm/text/tokenizer.h"
#include "tests/text/golden_support.h"

namespace slm {

inline std::filesystem::path small(const std::string& name) {
  return test::text_golden("small_" + name + ".tokenizer.json");
}
inline std::filesystem::path temporary(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / name;
}

inline void write_gguf(const TokenizerData& data, const std::filesystem::path& path) {
  GgufWriter writer;
  writer.set_string("tokenizer.ggml.model", data.model);
  writer.set_string("tokenizer.ggml.pre", data.pre);
  writer.set_strings("tokenizer.ggml.tokens", {data.tokens.begin(), data.tokens.end()});
  writer.set_strings("tokenizer.ggml.merges", {data.merges.begin(), data.merges.end()});
  std::vector<int32_t> types;
  for (const TokenType type : data.types) types.push_back(static_cast<int32_t>(type));
  writer.set_i32s("tokenizer.ggml.token_type", types);
  if (data.bos_id) writer.set_u32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(*data.bos_id));
  if (data.eos_id) writer.set_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(*data.eos_id));
  writer.set_bool("tokenizer.ggml.add_bos_token", data.add_bos);
  writer.set_string("tokenizer.chat_template", data.chat_template);
  writer.write(path, [](size_t, const GgufWriter::Sink&) {});
}

}  // namespace slm
