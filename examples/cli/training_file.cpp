// SPDX-License-Identifier: Apache-2.0
#include "cli/training_file.h"

#include "cli/terminal.h"

namespace slm {

std::vector<Document> read_training_file(const std::string& file, const Tokenizer& tokenizer) {
  const std::string text = read_text(file);
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (!is_json_lines(file) && first != std::string::npos && text[first] == '{')
    tell("warning: {} looks like JSON and is learned as plain text: documents in lines are read from *.jsonl\n", file);
  return make_documents(text, file, tokenizer);
}

std::vector<PackedSequence> pack_training_text(const std::string& source, const std::vector<Document>& documents,
                                               int64_t tokens) {
  try {
    return pack_documents(documents, tokens);
  } catch (const ArgumentError& error) {
    throw ArgumentError(source + ": " + error.what());
  }
}

}  // namespace slm
