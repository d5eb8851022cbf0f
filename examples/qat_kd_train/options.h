// SPDX-License-Identifier: Apache-2.0
// What qat_kd_train is asked to do: its command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "slm/model/trainable_model.h"
#include "slm/train/trainer.h"

namespace CLI {
class App;
}

namespace slm {

struct TrainOptions {
  std::string mode = "qat", student, teacher, valid, out;
  std::vector<std::string> train, keep_fp, freeze;
  std::string scheme = "w4g32", schedule = "cosine", compute = "f32";
  std::optional<std::string> activations, teacher_weights;
  std::optional<int64_t> activation_delay;
  std::optional<double> activation_decay;
  int64_t steps = 0, batch = 1, sequence = 256, accumulate = 1, qat_start = 0, checkpoint_every = 100, keep = 1;
  int64_t validate_every = 0;
  int64_t valid_sequences = 64;
  std::optional<int64_t> warmup;
  std::optional<uint64_t> dither;
  double learning_rate = 1e-5, weight_decay = 0.0, clip = 1.0;
  std::optional<double> kd_weight, temperature;
  std::optional<int64_t> teacher_top_k;
  double memory_limit_gb = 0.0;
  bool resume = false;
  std::string ship = "last";

  bool quantizes() const { return mode == "qat" || mode == "qat_kd"; }
  bool distills() const { return mode == "kd" || mode == "qat_kd"; }
};

extern const char* const kTrainTeaches;
std::string train_examples();
void add_train_options(CLI::App& app, TrainOptions& options);
/// Throws UsageError for options that make no sense together, ArgumentError for --compute bf16 where it cannot be.
void check(const TrainOptions& options);

/// The scheme and what it leaves out: of the quantizer in the loop, and of the file that is written.
SchemePlan plan_of(const TrainOptions& options);
TrainableOptions trainable_options(const TrainOptions& options);
/// kd_vocab: ids that student and teacher share; ArgumentError where --teacher-top-k is more.
TrainerOptions trainer_options(const TrainOptions& options, int64_t kd_vocab);
/// How the teacher is held.
SchemePlan teacher_plan_of(const TrainOptions& options);

}  // namespace slm
