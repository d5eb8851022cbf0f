// SPDX-License-Identifier: Apache-2.0
#include "slm/text/sentencepiece.h"

#include <sentencepiece_processor.h>

#include <algorithm>

#include "slm/core/check.h"

namespace slm {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";
constexpr size_t kPartBytes = 2048;

}  // namespace

struct SentencePieceModel::Library {
  sentencepiece::SentencePieceProcessor processor;
};

SentencePieceModel::SentencePieceModel(std::string_view model_proto, const SentencePieceSpec& spec,
                                       const std::string& path)
    : library_(std::make_unique<Library>()),
      may_cut_(!spec.unigram && !spec.remove_extra_whitespaces && !spec.rewrites_text),
      add_dummy_prefix_(spec.add_dummy_prefix) {
  const auto status = library_->processor.LoadFromSerializedProto(model_proto);
  if (!status.ok()) throw FormatError(path, fmt::format("[sentencepiece] {}", status.ToString()));
  joins_space_.set(' ');
  for (const SentencePieceSpec::Piece& piece : spec.pieces) {
    for (size_t at = piece.text.find(kSpaceMark); at != std::string::npos; at = piece.text.find(kSpaceMark, at + 1)) {
      if (at > 0) joins_space_.set(static_cast<uint8_t>(piece.text[at - 1]));
    }
  }
  joins_space_.set(static_cast<uint8_t>(kSpaceMark.back()));  // the mark itself, written in a text
}
SentencePieceModel::SentencePieceModel(SentencePieceModel&&) noexcept = default;
SentencePieceModel::~SentencePieceModel() = default;

/// Where the part that begins at `from` may end: before a space that begins a piece whatever follows. Else text.size().
size_t SentencePieceModel::next_cut(std::string_view text, size_t from) const {
  if (!may_cut_) return text.size();
  for (size_t i = from + kPartBytes; i + 1 < text.size(); ++i) {
    if (text[i] == ' ' && !joins_space_[static_cast<uint8_t>(text[i - 1])]) return i;
  }
  return text.size();
}

void SentencePieceModel::encode(std::string_view text, std::vector<int32_t>& ids) const {
  std::vector<int> part_ids;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = next_cut(text, begin);
    std::string_view part = text.substr(begin, end - begin);
    if (begin > 0 && add_dummy_prefix_) part.remove_prefix(1);  // the library puts this space back
    const auto status = library_->processor.Encode(part, &part_ids);
    SLM_CHECK(status.ok(), "[sentencepiece] encode {} bytes: {}", text.size(), status.ToString());
    ids.insert(ids.end(), part_ids.begin(), part_ids.end());
    begin = end;
  }
}

void SentencePieceModel::encode_continuation(std::string_view text, std::vector<int32_t>& ids) const {
  std::vector<int32_t> before, all;
  if (add_dummy_prefix_) {  // the library cannot leave it out: a line end takes it, which joins to nothing behind it
    encode("\n", before);
    encode("\n" + std::string(text), all);
  }
  const auto [missing, behind] = std::ranges::mismatch(before, all);
  if (all.empty() || missing != before.end()) return encode(text, ids);
  ids.insert(ids.end(), behind, all.end());
}

}  // namespace slm
