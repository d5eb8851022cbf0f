// SPDX-License-Identifier: Apache-2.0
// tokenizer.json and tokenizer_config.json made anew from what a GGUF file says, for byte-level BPE.
// In: TokenizerData.  Out: Json as Hugging Face's tokenizers and transformers read it.  Next: hf_folder.cpp.
#pragma once

#include "slm/io/json.h"
#include "slm/text/tokenizer.h"

namespace slm {

/// Tokens of type Unused (padding) are left out: the embedding has their rows, no text has them. Throws ArgumentError
/// for a tokenizer that is no byte-level BPE or whose pre-tokenizer is not known.
Json make_tokenizer_json(const TokenizerData& tokenizer);
Json make_tokenizer_config_json(const TokenizerData& tokenizer);

}  // namespace slm
