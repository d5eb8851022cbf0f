// SPDX-License-Identifier: Apache-2.0
// tokenizer.json of Hugging Face's tokenizers, a byte-level BPE model: its parts put together in the order they need.
#include "slm/core/check.h"
#include "slm/io/json.h"
#include "slm/io/mapped_file.h"
#include "text/tokenizer_impl.h"
#include "text/tokenizer_json_parts.h"
#include "text/tokenizer_json_reader.h"

namespace slm {
namespace {

const Json& member(const Json& object, const char* key) {
  static const Json none;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? none : *found;
}

}  // namespace

void read_tokenizer_json(const std::filesystem::path& file, Tokenizer::Impl& impl) {
  const auto mapped = MappedFile::open(file);
  const std::string& path = mapped->path();
  const auto bytes = mapped->bytes();
  const TokenizerJson json =
      parse_tokenizer_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path, impl.table);
  const Json& model = member(json.root, "model");
  if (!model.is_object() || !json.has_vocab)
    throw FormatError(path, "[tokenizer.json] model.vocab is missing, expected a BPE model");

  impl.types.assign(static_cast<size_t>(impl.table.size()), TokenType::Normal);
  for (int32_t id = 0; id < impl.table.size(); ++id) {
    if (!impl.table.has(id)) impl.types[static_cast<size_t>(id)] = TokenType::Unused;
  }
  TokenizerJsonParts parts(json.root, path, impl);
  parts.check_model(model);
  parts.normalizer(member(json.root, "normalizer"));
  parts.added_tokens();
  impl.table.build_index();
  parts.check_unknown(model);
  parts.post_processor(member(json.root, "post_processor"));
  parts.decoder(member(json.root, "decoder"));

  std::vector<std::string> patterns;
  if (!parts.pre_tokenizer(member(json.root, "pre_tokenizer"), patterns))
    throw FormatError(path, "[tokenizer.json] pre_tokenizer without ByteLevel is not supported");
  for (const KnownPretokenizer& known : known_pretokenizers()) {
    if (known.patterns == patterns && known.nfc == impl.nfc) impl.pre = known.name;
  }
  try {
    impl.pretokenizer.emplace(std::move(patterns));
  } catch (const ArgumentError& error) {
    throw FormatError(path, error.what());
  }

  std::vector<Merge> merges;
  merges.reserve(json.merges.size());
  for (size_t i = 0; i < json.merges.size(); ++i)
    merges.push_back(resolve_merge(impl.table, json.merges.left(i), json.merges.right(i), i, path));
  impl.bpe.emplace(impl.table, std::move(merges), json_value<bool>(model, "ignore_merges", false, path));
}

}  // namespace slm
