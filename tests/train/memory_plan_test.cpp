// SPDX-License-Identifier: Apache-2.0
// The memory plan against what a step really takes: its parts are counted from the model, and what the tape keeps is
// what it was planned to keep.
#include "slm/train/memory_plan.h"

#include <gtest/gtest.h>

#include "slm/model/initialize.h"
#include "tests/support/model_paths.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

std::vector<PackedSequence> sequences(int64_t tokens) {
  Document document;
  for (int32_t i = 0; i < 4 * tokens; ++i) {
    document.ids.push_back(i * 37 % 300);
    document.is_target.push_back(1);
  }
  return pack_documents(std::vector{document}, tokens);
}

struct Planned {
  MemoryPlan plan;
  uint64_t taken_by_tape = 0;
  uint64_t elements = 0, trained = 0, table = 0;
};

Planned plan_and_step(std::optional<WeightScheme> scheme, int64_t tokens, const std::vector<std::string>& freeze = {}) {
  ModelConfig config = ModelFiles::open(test::tiny_models() / "qwen2_tied").config();
  config.layers = 12;  // the plan's spare block of gradients is then a small part
  const auto values = initial_values(config, 3);
  const ModelFiles files =
      ModelFiles::in_memory(config, [&](const std::string& name) { return std::span<const float>(values.at(name)); });
  const TrainableOptions options = {
      .quantizer = scheme ? std::optional(SchemePlan{.weights = *scheme, .keep_fp = {}}) : std::nullopt,
      .freeze = freeze};
  TrainableModel model(files, options);
  Batcher batcher(sequences(tokens), 1, 1);
  const TrainerOptions training = {.schedule = {.peak = 1e-4, .steps = 10}};
  Trainer trainer(model, batcher, nullptr, training);
  Planned result{.plan = plan_memory(files, options, training, batcher.longest_batch_rows(),
                                     {.teacher = 1000, .validation = 3000, .validates_on_way = true, .program = 50})};
  trainer.step();
  trainer.step();
  result.table = static_cast<uint64_t>(config.vocab * config.width);
  result.taken_by_tape = trainer.activation_bytes();
  for (const Parameter& p : model.parameters()) {
    result.elements += p.value.size();
    result.trained += p.frozen() ? 0 : p.value.size();
  }
  return result;
}

TEST(MemoryPlan, CountsWhatAModelTakes) {
  const std::string table = "model.embed_tokens.weight";
  for (const std::vector<std::string>& freeze : {std::vector<std::string>{}, {table}}) {
    const Planned p = plan_and_step({}, 64, freeze);
    EXPECT_EQ(p.plan.weights, 4 * p.elements);
    EXPECT_EQ(p.plan.gradients, 4 * p.trained);
    EXPECT_EQ(p.plan.moments, 8 * p.trained);
    EXPECT_EQ(p.plan.teacher, 1000u);
    EXPECT_EQ(p.plan.validation, 3000u);
    EXPECT_EQ(p.plan.program, 50u);
    EXPECT_EQ(p.plan.checkpoint(), 12 * p.trained);
    EXPECT_EQ(p.plan.total(), p.plan.weights + p.plan.gradients + p.plan.moments + p.plan.activations + p.plan.head +
                                  p.plan.packing + 4050);
    EXPECT_EQ(p.elements - p.trained, freeze.empty() ? 0u : p.table);
  }
}

TEST(MemoryPlan, CountsWhatIsMeasuredBeforeThereIsATrainerWhereThatIsMore) {
  const ModelFiles files = ModelFiles::open(test::tiny_models() / "qwen2_tied");
  const auto plan = [&](uint64_t validation) {
    return plan_memory(files, {}, {.schedule = {.peak = 1e-4, .steps = 10}}, 64,
                       {.teacher = 1000, .validation = validation, .program = 50});
  };
  const MemoryPlan small = plan(3000), large = plan(1 << 30);
  EXPECT_EQ(small.validation, 0u);
  EXPECT_EQ(large.total(), large.weights + large.gradients + (1 << 30) + 50);
}

TEST(MemoryPlan, CountsTheBatchesOfAStep) {
  const ModelFiles files = ModelFiles::open(test::tiny_models() / "qwen2_tied");
  const auto activations = [&](int64_t accumulate) {
    return plan_memory(files, {}, {.schedule = {.peak = 1e-4, .steps = 10}, .accumulate = accumulate}, 64, {})
        .activations;
  };
  EXPECT_EQ(activations(1001) - activations(1), 1000 * 64 * sizeof(PackedRow));
}

TEST(MemoryPlan, CountsTheOrderInWhichATopKIsFound) {
  const ModelFiles files = ModelFiles::open(test::tiny_models() / "qwen2_tied");
  const auto head = [&](const HeadLossOptions& loss) {
    return plan_memory(files, {}, {.schedule = {.peak = 1e-4, .steps = 10}, .loss = loss}, 64, {}).head;
  };
  const test::ScopedThreads threads(3);
  const auto vocab = static_cast<uint64_t>(files.config().vocab);
  const uint64_t logits = head({.chunk_rows = 16});
  EXPECT_EQ(logits, (16 + 3) * vocab * 4);
  EXPECT_EQ(head({.kd_weight = 0.5, .chunk_rows = 16}), logits);
  EXPECT_EQ(head({.kd_weight = 0.5, .kd_top_k = 5, .chunk_rows = 16}), logits + 3 * vocab * 4);
  EXPECT_EQ(head({.kd_weight = 0.5, .kd_vocab = 100, .kd_top_k = 5, .chunk_rows = 16}), logits + 3 * 100 * 4);
  EXPECT_EQ(head({.kd_top_k = 5, .chunk_rows = 16}), logits) << "no teacher is asked";
}

// Buffers come in sizes up to an eighth apart (autograd/tape.cpp), which the plan does not know; it counts one block's
// gradients more than ever live at once, a twelfth. Both within the tenth that a plan promises.
TEST(MemoryPlan, ForeseesWhatTheTapeKeeps) {
  for (const std::optional<WeightScheme> scheme :
       {std::optional<WeightScheme>(), std::optional(WeightScheme::W4G32), std::optional(WeightScheme::W8C)})
    for (const int64_t tokens : {64, 200}) {
      const Planned p = plan_and_step(scheme, tokens);
      EXPECT_NEAR(static_cast<double>(p.plan.activations) / static_cast<double>(p.taken_by_tape), 1.0, 0.1)
          << (scheme ? name(*scheme) : "f32") << ", " << tokens << " tokens, taken " << p.taken_by_tape;
    }
}

}  // namespace
}  // namespace slm
