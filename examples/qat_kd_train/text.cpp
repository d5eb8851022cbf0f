// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/text.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/terminal.h"
#include "cli/training_file.h"

namespace slm {
uint64_t fingerprint(const std::vector<PackedSequence>& sequences) {
  uint64_t hash = 0xcbf29ce484222325ull;
  const auto add = [&](int32_t value) { hash = (hash ^ static_cast<uint32_t>(value)) * 0x100000001b3ull; };
  for (const PackedSequence& sequence : sequences)
    for (const PackedRow& row : sequence) add(row.token), add(row.position), add(row.label);
  return hash;
}

TrainingText read_training_text(const TrainOptions& o, const Tokenizer& tokenizer, uint64_t seed) {
  std::vector<Document> learned, measured;
  for (const std::string& file : o.train) {
    std::vector<Document> documents = read_training_file(file, tokenizer);
    if (o.valid.empty())
      for (Document& document : split_training_text(file, documents, 0.05)) measured.push_back(std::move(document));
    for (Document& document : documents) learned.push_back(std::move(document));
  }
  std::error_code error;
  for (const std::string& file : o.train)
    if (!o.valid.empty() && std::filesystem::equivalent(file, o.valid, error))
      tell("warning: {} is learned and measured: its perplexity says nothing of other text\n", file);
  if (!o.valid.empty()) measured = read_training_file(o.valid, tokenizer);
  std::vector<PackedSequence> sequences = pack_training_text("--train", learned, o.sequence);
  const uint64_t of_learned = fingerprint(sequences);
  TrainingText text{.batches = Batcher(std::move(sequences), o.batch, seed), .valid = {}, .fingerprint = of_learned};
  int64_t tokens = 0;
  for (const Document& document : measured) tokens += std::ssize(document.ids);
  if (tokens < 2)
    throw ArgumentError(fmt::format("[train] the validation text has {}, expected at least 2: choose another --valid",
                                    counted(tokens, "token")));
  text.valid = pack_documents(measured, std::min(o.sequence, tokens));  // a short text is one short sequence
  if (o.valid_sequences > 0 && std::ssize(text.valid) > o.valid_sequences)
    text.valid.resize(static_cast<size_t>(o.valid_sequences));
  return text;
}

}  // namespace slm
