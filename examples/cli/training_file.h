// SPDX-License-Identifier: Apache-2.0
// Files of text to train on: their documents, and on stderr what about them looks like a mistake.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slm/data/document.h"
#include "slm/data/packer.h"

namespace slm {

/// As read_documents. Warns of bytes that are no UTF-8, and of JSON under a name of plain text.
std::vector<Document> read_training_file(const std::string& file, const Tokenizer& tokenizer);
/// As split_off and pack_documents; an error names where the text comes from.
std::vector<Document> split_training_text(const std::string& source, std::vector<Document>& documents, double share);
std::vector<PackedSequence> pack_training_text(const std::string& source, const std::vector<Document>& documents,
                                               int64_t tokens);

}  // namespace slm
