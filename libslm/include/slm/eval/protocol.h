// SPDX-License-Identifier: Apache-2.0
// Protocols of perplexity: which text, cut into which windows, of which which tokens count. The same protocol gives the
// same number as the program it is named after; two protocols are not comparable.
// In: the bytes of a text file, a tokenizer.  Out: EvalText.  Next: perplexity.h.
//
//   gptq2048     ids |--- 2048 ---|--- 2048 ---| …      counted: the last 2047 of each      (Frantar et al. 2023)
//   llamacpp512  ids |- 512 -|- 512 -| …                counted: the last 255 of each       (llama-perplexity)
//   rolling      |-------- W --------|                  counted: all but the first, then
//                     |-------- W --------|             the S new ones of each: every token once
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slm/text/tokenizer.h"

namespace slm {

enum class Protocol { Gptq2048, LlamaCpp512, Rolling };
std::string_view name(Protocol protocol);
/// Throws ArgumentError that lists the names.
Protocol parse_protocol(std::string_view name);

struct ProtocolOptions {
  Protocol protocol = Protocol::LlamaCpp512;
  int64_t window = 2048;  ///< W, rolling only
  int64_t stride = 1024;  ///< S, rolling only: 1 ≤ S < W; every token but the first W has at least W − S before it
};

/// The model reads ids [begin, end − 1); ids [first_counted, end) are predicted and counted.
struct EvalWindow {
  int64_t begin = 0, first_counted = 0, end = 0;
  bool operator==(const EvalWindow&) const = default;
};

struct EvalText {
  std::string protocol;  ///< for reports: "rolling W=512 S=256"
  std::vector<int32_t> ids;
  /// Stands in place of each window's first id (llamacpp512, where the vocabulary adds one).
  std::optional<int32_t> bos;
  std::vector<EvalWindow> windows;
  int64_t counted_tokens() const;
};

/// All windows of `tokens` ids. A rest shorter than a window is left out, but for rolling, which counts it. Throws
/// ArgumentError: fewer tokens than one window needs, stride out of range.
std::vector<EvalWindow> eval_windows(const ProtocolOptions& options, int64_t tokens);

/// The text a protocol scores: gptq2048 takes each line as a row of the data set that keeps its newline, a blank line
/// as the empty row, and joins the rows by "\n\n", as the paper's code does with wikitext-2-raw-v1;
/// the others take the bytes as they are.
std::string protocol_text(Protocol protocol, std::string_view file_text);

/// One tokenization of the protocol's text, begun by BOS where the vocabulary adds one.
EvalText make_eval_text(const Tokenizer& tokenizer, std::string_view file_text, const ProtocolOptions& options);

}  // namespace slm
