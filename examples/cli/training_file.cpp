// SPDX-License-Identifier: Apache-2.0
#include "cli/training_file.h"

#include <algorithm>

#include "cli/terminal.h"

namespace slm {
namespace {

template <class F>
auto naming(const std::string& source, const F& made) {
  try {
    return made();
  } catch (const ArgumentError& error) {
    throw ArgumentError(source + ": " + error.what());
  }
}

}  // namespace

std::vector<Document> read_training_file(const std::string& file, const Tokenizer& tokenizer) {
  const std::string text = read_text(file);
  const auto after = [&](size_t i) { return std::min(text.find_first_not_of(" \t\r\n", i), text.size()); };
  size_t first = after(0);
  if (first < text.size() && text[first] == '[') first = after(first + 1);  // an array of objects
  if (!is_json_lines(file) && first < text.size() && text[first] == '{')
    tell("warning: {} looks like JSON and is learned as plain text: documents in lines are read from *.jsonl\n", file);
  return make_documents(text, file, tokenizer);
}

std::vector<Document> split_training_text(const std::string& source, std::vector<Document>& documents, double share) {
  return naming(source, [&] { return split_off(documents, share); });
}

std::vector<PackedSequence> pack_training_text(const std::string& source, const std::vector<Document>& documents,
                                               int64_t tokens) {
  return naming(source, [&] { return pack_documents(documents, tokens); });
}

}  // namespace slm
