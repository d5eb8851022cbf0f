// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/text.h"

#include "slm/data/document.h"

namespace slm {

TrainingText read_training_text(const TrainOptions& o, const Tokenizer& tokenizer, uint64_t seed) {
  std::vector<Document> learned, measured;
  for (const std::string& file : o.train) {
    std::vector<Document> documents = read_documents(file, tokenizer);
    if (o.valid.empty())
      for (Document& document : split_off(documents, 0.05)) measured.push_back(std::move(document));
    for (Document& document : documents) learned.push_back(std::move(document));
  }
  if (!o.valid.empty()) measured = read_documents(o.valid, tokenizer);
  TrainingText text{.batches = Batcher(pack_documents(learned, o.sequence), o.batch, seed), .valid = {}};
  int64_t tokens = 0;
  for (const Document& document : measured) tokens += std::ssize(document.ids);
  text.valid = pack_documents(measured, std::min(o.sequence, tokens));  // a short text is one short sequence
  if (o.valid_sequences > 0 && std::ssize(text.valid) > o.valid_sequences)
    text.valid.resize(static_cast<size_t>(o.valid_sequences));
  return text;
}

}  // namespace slm
