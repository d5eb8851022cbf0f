// SPDX-License-Identifier: Apache-2.0
// Document: one text to train on, as ids, with what the loss counts.
// In: files of text (read_documents).  Out: documents.  Next: packer.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "slm/text/tokenizer.h"

namespace slm {

struct Document {
  std::vector<int32_t> ids;
  /// 1: the loss counts the prediction of this id; never the first, which has no context.
  std::vector<uint8_t> is_target;
  int64_t targets() const;
};

/// Whether a file of this name is read as JSON lines: it ends in .jsonl or .ndjson, in whatever case.
bool is_json_lines(std::string_view name);

/// What a training file holds, by its name: `*.jsonl` (is_json_lines) one JSON object a line, each a document
///   {"text": …}                     all of it is learned
///   {"prompt": …, "completion": …}  the completion is
///   {"turns": [{"prompt": …, "completion": …}, …]}  every completion is; a prompt is a text of its own for the
///                                   tokenizer, its completion goes on with it
///   {"messages": [{"role": …, "content": …}, …]}  the assistant's answers are, in the model's own chat format, as a
///                                   conversation would give them to the model; user and assistant take turns after an
///                                   optional system message
/// with the end of text after it where the vocabulary has one; any other name: plain text, one document.
/// Throws IoError; FormatError naming the line (no JSON, none of these forms, an unknown chat format, empty).
std::vector<Document> read_documents(const std::filesystem::path& file, const Tokenizer& tokenizer);

/// The same of text in memory; `name` stands for the file's in messages and decides the form.
std::vector<Document> make_documents(std::string_view text, const std::string& name, const Tokenizer& tokenizer);

/// Takes the last `share` of the documents off for validation, at least one and not all; of a lone document, that share
/// of its ids. Throws ArgumentError: a share outside (0, 1), a lone document of fewer than 2 ids.
std::vector<Document> split_off(std::vector<Document>& documents, double share);

}  // namespace slm
