// SPDX-License-Identifier: Apache-2.0
// A tiny model and everything that trains it, for tests of the trainer and its checkpoints.
#pragma once

#include "slm/core/rng.h"
#include "slm/train/trainer.h"
#include "tests/support/model_paths.h"

namespace slm {

inline std::vector<Document> documents() {
  Rng rng(3);
  std::vector<Document> all(6);
  for (Document& document : all) {
    const auto length = 5 + rng.below(20);
    for (uint64_t i = 0; i < length; ++i) {
      document.ids.push_back(static_cast<int32_t>(rng.below(40)));
      document.is_target.push_back(i > 0 ? 1 : 0);
    }
  }
  return all;
}

struct RunOptions {
  std::optional<WeightScheme> scheme = {};
  double kd_weight = 0.0;
  double peak = 1e-3;
  LrDecay decay = LrDecay::Constant;
  int64_t warmup = 0;
  double clip = 1.0;
  int64_t accumulate = 1;
  int64_t qat_start = 0;
  std::vector<std::string> freeze = {};
  const char* teacher = "qwen2_tied";
  std::optional<StaticInputOptions> static_inputs = {};
};

/// A model and everything that trains it.
struct TinyRun {
  explicit TinyRun(const RunOptions& o)
      : model(ModelFiles::open(test::tiny_models() / "qwen2_tied"),
              {.quantizer = o.scheme ? std::optional(SchemePlan{.weights = *o.scheme, .keep_fp = {}}) : std::nullopt,
               .freeze = o.freeze}),
        batcher(pack_documents(documents(), 16), 2, 11),
        teacher(std::make_shared<const Model>(
                    load_model(test::tiny_models() / o.teacher, {.plan = {.weights = WeightScheme::F32}})),
                16, 7),
        trainer(model, batcher, &teacher,
                {.schedule = {.peak = o.peak, .decay = o.decay, .warmup = o.warmup, .steps = 100},
                 .clip = o.clip,
                 .accumulate = o.accumulate,
                 .qat_start = o.qat_start,
                 .static_inputs = o.static_inputs,
                 .loss = {.kd_weight = o.kd_weight, .temperature = 2.0, .kd_vocab = 320, .chunk_rows = 7}}) {}

  std::vector<double> steps(int count) {
    std::vector<double> losses;
    for (int i = 0; i < count; ++i) losses.push_back(trainer.step().loss);
    return losses;
  }
  std::vector<float> values() { return {model.values().begin(), model.values().end()}; }

  TrainableModel model;
  Batcher batcher;
  Teacher teacher;
  Trainer trainer;
};

}  // namespace slm
