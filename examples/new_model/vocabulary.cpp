// SPDX-License-Identifier: Apache-2.0
#include "new_model/vocabulary.h"

#include "cli/terminal.h"
#include "slm/core/error.h"
#include "slm/data/document.h"
#include "slm/io/json.h"
#include "slm/text/bpe_trainer.h"

namespace slm {
namespace {

/// The text of a training file, for its vocabulary.
std::string text_of(const std::string& path) {
  const std::string all = read_text(path);
  if (all.empty()) throw FormatError(path, "[new_model] the text is empty");
  if (!is_json_lines(path)) return all;
  std::string text;
  for_json_lines(all, path, [&](const Json& line, const std::string& where) {
    text += json_require<std::string>(line, "text", where) + "\n";
  });
  return text;
}

}  // namespace

TokenizerData learn_vocabulary(const std::string& path, int32_t tokens) {
  const std::string text = text_of(path);
  ProgressLine line("learning");
  return train_byte_bpe(text, {.vocab_size = tokens, .progress = line.callback()});
}

}  // namespace slm
