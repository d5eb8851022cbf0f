// SPDX-License-Identifier: Apache-2.0
// The parts of a tokenizer.json around the model: each is interpreted into what a Tokenizer holds.
// What is not supported is an error that names it.
// In: the tree of tokenizer_json_reader.  Out: fields of Tokenizer::Impl.  Next: tokenizer_json.cpp.
#pragma once

#include <string>
#include <vector>

#include "slm/io/json.h"
#include "text/tokenizer_impl.h"

namespace slm {

/// Its functions take a part of the tree (null where the file has none) and throw FormatError.
class TokenizerJsonParts {
 public:
  /// `path` is for messages. All three must outlive this.
  TokenizerJsonParts(const Json& root, const std::string& path, Tokenizer::Impl& impl)
      : root_(root), path_(path), impl_(impl) {}

  /// Sets nfc.
  void normalizer(const Json& part);
  /// Collects patterns; returns true once ByteLevel was seen, which must be the last.
  bool pre_tokenizer(const Json& part, std::vector<std::string>& patterns);
  /// Sets add_bos and bos_id. After added_tokens().
  void post_processor(const Json& part);
  void decoder(const Json& part);
  /// Adds to the table and the types, makes raw_tokens and normalized_tokens. After normalizer().
  void added_tokens();
  void check_model(const Json& model);
  /// With an unk_token, a byte that has no token would become that; without, it is left out. After the table's index.
  void check_unknown(const Json& model);

 private:
  [[noreturn]] void unsupported(const char* part, const std::string& found, const char* expected) const;
  std::vector<Json> array(const Json& part, const char* key) const;
  std::string spelling(int32_t id) const;

  const Json& root_;
  const std::string& path_;
  Tokenizer::Impl& impl_;
  std::vector<AddedToken> added_;
};

}  // namespace slm
