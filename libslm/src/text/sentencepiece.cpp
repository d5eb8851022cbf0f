// SPDX-License-Identifier: Apache-2.0
#include "slm/text/sentencepiece.h"

#include <sentencepiece_processor.h>

#include "slm/core/check.h"

namespace slm {

struct SentencePieceModel::Library {
  sentencepiece::SentencePieceProcessor processor;
};

SentencePieceModel::SentencePieceModel(std::string_view model_proto, const std::string& path)
    : library_(std::make_unique<Library>()) {
  const auto status = library_->processor.LoadFromSerializedProto(model_proto);
  if (!status.ok()) throw FormatError(path, fmt::format("[sentencepiece] {}", status.ToString()));
}
SentencePieceModel::SentencePieceModel(SentencePieceModel&&) noexcept = default;
SentencePieceModel::~SentencePieceModel() = default;

void SentencePieceModel::encode(std::string_view text, std::vector<int32_t>& ids) const {
  std::vector<int> piece_ids;
  const auto status = library_->processor.Encode(text, &piece_ids);
  SLM_CHECK(status.ok(), "[sentencepiece] encode {} bytes: {}", text.size(), status.ToString());
  ids.insert(ids.end(), piece_ids.begin(), piece_ids.end());
}

}  // namespace slm
