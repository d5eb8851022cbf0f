// SPDX-License-Identifier: Apache-2.0
// GGUF keys: the metadata llama.cpp needs to run a model, from config and tokenizer.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and llama.cpp's convert_hf_to_gguf.py for the rest.
// In: ModelConfig, TokenizerData.  Out: keys in a GgufWriter.  Next: gguf_model.cpp.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "slm/io/gguf.h"
#include "slm/model/config.h"
#include "slm/model/model_files.h"
#include "slm/quant/scheme.h"
#include "slm/text/tokenizer.h"

namespace slm {

/// general.file_type of a file most of whose weights have this scheme: the numbers of llama.cpp's llama_ftype.
uint32_t gguf_file_type(WeightScheme scheme);

/// Static inputs (model_files.h), and the names of their tensors, which the keys refer to: it must outlive writing.
class InputKeys {
 public:
  explicit InputKeys(const StaticInputs& inputs);
  /// Nothing where there are none.
  void set(GgufWriter& writer) const;

 private:
  const StaticInputs& inputs_;
  std::vector<std::string> names_;
};

/// `<architecture>.*`: the dimensions.
void set_model_keys(GgufWriter& writer, const ModelConfig& config);

/// The tokens by id, one for each row of the embedding, and their types.
class PaddedTokens {
 public:
  /// Throws ArgumentError where the tokenizer has more tokens than there are rows.
  PaddedTokens(const TokenizerData& tokenizer, int64_t rows);
  const std::vector<std::string_view>& tokens() const { return tokens_; }
  const std::vector<int32_t>& types() const { return types_; }
  int64_t padded() const { return static_cast<int64_t>(made_.size()); }

 private:
  std::deque<std::string> made_;  // [PADi]
  std::vector<std::string_view> tokens_;
  std::vector<int32_t> types_;
};

/// `tokenizer.*`. Both arguments must outlive the writer.
/// Throws ArgumentError where GGUF has no name for the tokenizer.
void set_tokenizer_keys(GgufWriter& writer, const TokenizerData& tokenizer, const PaddedTokens& tokens);

}  // namespace slm
