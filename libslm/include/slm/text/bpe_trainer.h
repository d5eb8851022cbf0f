// SPDX-License-Identifier: Apache-2.0
// Learns a byte-level BPE vocabulary from text, Sennrich et al. 2016 (arXiv:1508.07909, algorithm 1) over bytes: the
// pair that stands together most often in the words of the text becomes a token, again and again; of equals the pair of
// lower ids, as Hugging Face's trainer has it.
// In: text.  Out: TokenizerData, which the exporter writes as tokenizer.json or into a GGUF file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "slm/core/progress.h"
#include "slm/text/tokenizer.h"

namespace slm {

struct BpeTrainerOptions {
  int32_t vocab_size = 0;     ///< bytes, merges and special tokens together
  std::string pre = "qwen2";  ///< how words are cut: a name of known_pretokenizers()
  /// Control tokens, behind all others; the first ends a text and pads.
  std::vector<std::string> special = {"<|endoftext|>"};
  Progress progress{};  ///< with each word read, then with each merge
};

/// Ids: 256 bytes in the order of their spelling, merges, special tokens. Fewer merges where the text has no pair left
/// that comes twice. Throws ArgumentError: a vocabulary without room for bytes and special tokens, a pre-tokenizer that
/// is not known. Cost: merges × distinct words.
TokenizerData train_byte_bpe(std::string_view text, const BpeTrainerOptions& options);

}  // namespace slm
