// SPDX-License-Identifier: Apache-2.0
// Teacher and validation take a sequence in steps of at most 256 rows. Of longer ones they say what the runtime says
// that takes them in one.
#include <gtest/gtest.h>

#include <cstring>

#include "slm/core/rng.h"
#include "slm/eval/perplexity.h"
#include "slm/model/initialize.h"
#include "slm/runtime/session.h"
#include "slm/train/teacher.h"
#include "slm/train/validation.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

constexpr int64_t kLongest = 700;

/// A tiny model with a context beyond 256 whose rows look at each other: fresh weights are too small for that.
std::shared_ptr<const Model> model(WeightScheme scheme) {
  ModelConfig config = ModelFiles::open(test::tiny_models() / "qwen2_tied").config();
  config.context = kLongest;
  auto values = initial_values(config, 3);
  for (auto& [name, of_tensor] : values)
    if (name.ends_with("proj.weight"))
      for (float& value : of_tensor) value *= 12;
  const ModelFiles files =
      ModelFiles::in_memory(config, [&](const std::string& name) { return std::span<const float>(values.at(name)); });
  return std::make_shared<const Model>(load_model(files, {.plan = {.weights = scheme, .keep_fp = {}}}));
}

/// One document of each length, whole: a label for all rows but the last.
std::vector<PackedRow> documents(std::initializer_list<int64_t> lengths, uint64_t vocab) {
  Rng rng(7);
  std::vector<PackedRow> rows;
  for (const int64_t length : lengths)
    for (int32_t t = 0; t < length; ++t) {
      const auto token = static_cast<int32_t>(rng.below(vocab));
      if (t > 0) rows.back().label = token;
      rows.push_back({.token = token, .position = t});
    }
  return rows;
}

std::vector<int32_t> ids_of(std::span<const PackedRow> rows) {
  std::vector<int32_t> ids;
  for (const PackedRow& row : rows) ids.push_back(row.token);
  return ids;
}

TEST(Teacher, OfSequencesBeyondOneStepSaysWhatASessionSays) {
  for (const WeightScheme scheme : {WeightScheme::F32, WeightScheme::W8G32, WeightScheme::W4G32, WeightScheme::W8C}) {
    const std::shared_ptr<const Model> m = model(scheme);
    const auto vocab = static_cast<size_t>(m->config.vocab);
    const std::vector<PackedRow> batch = documents({300, 256, 700, 257, 1, 513}, vocab);
    std::vector<int32_t> targets;  // every third, and so not the ends of a step alike
    for (int32_t t = 0; t < std::ssize(batch); t += 3) targets.push_back(t);
    constexpr int64_t kChunk = 50;
    Teacher teacher(m, kLongest, kChunk);
    teacher.run(batch, targets);
    std::vector<std::vector<float>> expected(batch.size());
    for (size_t begin = 0, end = 1; begin < batch.size(); begin = end++) {
      while (end < batch.size() && batch[end].position != 0) ++end;
      Session session(m, {.context = kLongest, .kv = kernels::KvStorage::F32, .max_rows = kLongest});
      session.append(ids_of(std::span(batch).subspan(begin, end - begin)),
                     [&](int64_t t, std::span<const float> logits) {
                       expected[begin + static_cast<size_t>(t)].assign(logits.begin(), logits.end());
                     });
    }
    int64_t wrong = 0;
    for (int64_t begin = 0; begin < std::ssize(targets); begin += kChunk) {
      const ConstMatrixView logits = teacher.logits(begin, std::min(begin + kChunk, std::ssize(targets)));
      for (int64_t r = 0; r < logits.rows; ++r) {
        const auto at = static_cast<size_t>(targets[static_cast<size_t>(begin + r)]);
        wrong += std::memcmp(logits.row(r), expected[at].data(), vocab * sizeof(float)) == 0 ? 0 : 1;
      }
    }
    EXPECT_EQ(wrong, 0) << name(scheme) << ": rows of " << targets.size() << " with other bits";
  }
}

TEST(Validation, OfSequencesBeyondOneStepIsThePerplexityOfWholeWindows) {
  for (const WeightScheme scheme : {WeightScheme::F32, WeightScheme::W8G32, WeightScheme::W4G32, WeightScheme::W8C}) {
    const std::shared_ptr<const Model> m = model(scheme);
    std::vector<PackedSequence> sequences;
    EvalText text;
    for (const int64_t length : {300, 700, 257, 513}) {
      sequences.push_back(documents({length}, static_cast<uint64_t>(m->config.vocab)));
      const std::vector<int32_t> ids = ids_of(sequences.back());
      const int64_t begin = std::ssize(text.ids);
      text.ids.insert(text.ids.end(), ids.begin(), ids.end());
      text.windows.push_back({.begin = begin, .first_counted = begin + 1, .end = begin + length});
    }
    const Validation validation = validate(m, sequences);
    const Score score = score_text(m, text, {.max_rows = kLongest});
    EXPECT_EQ(validation.labels, text.counted_tokens());
    EXPECT_NEAR(validation.perplexity() / score.perplexity(), 1.0, 1e-12) << name(scheme);
    EXPECT_GT(score.perplexity(), 50) << "the measure measures";
  }
}

}  // namespace
}  // namespace slm
