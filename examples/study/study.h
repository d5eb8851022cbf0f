// SPDX-License-Identifier: Apache-2.0
// The study: what quantization costs a model and what training with the quantizer in the loop gives back. Every row
// trains the same student on the same batches for as many steps; only what is in the loop differs.
//   FP32     nothing in the loop, held in float32
//   PTQ      the FP32 row's weights, rounded afterwards
//   QAT      the quantizer in the loop
//   QAT+KD   the quantizer in the loop, the teacher beside it
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "slm/data/batcher.h"
#include "slm/eval/task_score.h"
#include "slm/model/load.h"
#include "slm/model/model_files.h"
#include "slm/model/trainable_model.h"

namespace slm {

struct StudyOptions {
  std::string student, teacher, train, valid, tasks, out;
  std::vector<std::string> schemes = {"w8g32", "w4g32", "w2g32"};
  int64_t steps = 100, batch = 2, sequence = 1024, valid_sequences = 48, task_limit = 0, runs = 1, answer_tokens = 16;
  double learning_rate = 5e-4, kd_weight = 0.5;
  std::optional<uint64_t> dither;
};

/// One row of the table.
struct StudyRow {
  std::string method, scheme;
  double bits = 32.0;         ///< nominal, per weight
  double stored_bits = 32.0;  ///< as stored
  double perplexity = 0.0, train_seconds = 0.0;
  std::vector<TaskScore> kinds;
  uint64_t packed_bytes = 0, memory_bytes = 0;  ///< memory: weights and the cache of one context
  double ms_per_token = 0.0;                    ///< decoding from an empty context, median of several rounds
  /// Mean over kinds of accuracy or F1, 0 to 1.
  double quality() const;
};

/// What all rows of all runs share.
class Study {
 public:
  /// Reads everything. Throws as what it reads.
  explicit Study(const StudyOptions& options);

  /// All rows from one seed; `tell` gets each as it is done, `progress` what is under way. The models of QAT+KD are
  /// written to options.out as <scheme>.gguf, over those of the run before.
  std::vector<StudyRow> run(uint64_t seed, const std::function<void(const StudyRow&)>& tell,
                            const Progress& progress) const;

 private:
  using Values = std::vector<std::vector<float>>;  // by tensor, in the model's order
  struct Trained {
    Values values;
    double seconds = 0.0;
  };
  Trained train(uint64_t seed, const std::optional<SchemePlan>& quantizer, bool guided, const std::string& label,
                const Progress& progress) const;
  /// The same for every row: all begin alike.
  void spread(TrainableModel& model) const;
  std::filesystem::path file_of(const SchemePlan& plan) const;
  /// The student with other values.
  ModelFiles files_of(const Trained& trained) const;
  StudyRow measure(const std::string& method, WeightScheme scheme, const Trained& trained,
                   const Progress& progress) const;

  const StudyOptions& options_;
  const ModelFiles files_;
  const Tokenizer tokenizer_;
  std::vector<SchemePlan> plans_;
  std::vector<PackedSequence> sequences_, valid_;
  std::vector<Task> tasks_;
  std::shared_ptr<const Model> teacher_;
  int64_t shared_vocab_ = 0;
  int64_t context_ = 0;  ///< tokens the longest task needs
};

}  // namespace slm
