// SPDX-License-Identifier: Apache-2.0
#include "slm/train/memory_plan.h"

#include <algorithm>

#include "slm/core/parallel.h"
#include "slm/data/packer.h"

namespace slm {

MemoryPlan plan_memory(const ModelFiles& files, const TrainableOptions& model, const TrainerOptions& trainer,
                       int64_t rows, const BesideTraining& beside) {
  const ModelConfig& c = files.config();
  constexpr uint64_t kFloat = sizeof(float);
  const auto floats = [](int64_t count) { return static_cast<uint64_t>(count) * kFloat; };
  MemoryPlan plan;
  for (const ModelTensor& tensor : files.tensors()) {
    const uint64_t bytes = floats(tensor.stored.tensor.shape().elements());
    plan.weights += bytes;
    if (model.trains(tensor.name)) plan.gradients += bytes;
  }
  plan.moments = 2 * plan.gradients;

  // What a block's operations make (autograd/): two norms, two sums, q k v, attention, its projection, gate up hidden
  // down.
  const int64_t made = 6 * c.width + 2 * c.q_width() + 2 * c.kv_width() + 3 * c.ffn;
  const bool quantized = model.quantizer && model.quantizer->weights;
  const int64_t inputs = quantized ? 2 * c.width + c.q_width() + c.ffn : 0;  // linears' inputs, quantized and back
  const int64_t ends = (quantized ? 4 : 3) * c.width;                        // embedding, selected rows, norm
  plan.activations = floats(rows * (c.layers * (made + inputs) + ends)) + floats(rows * (made + inputs + 2 * c.width));

  plan.activations += static_cast<uint64_t>(trainer.accumulate * rows) * sizeof(PackedRow);  // read before the first

  const int64_t chunk = std::min(trainer.loss.chunk_rows, rows);
  plan.head = floats((chunk + num_threads()) * c.vocab);
  if (trainer.loss.kd_weight > 0 && trainer.loss.kd_top_k > 0)
    plan.head += static_cast<uint64_t>(num_threads() * (trainer.loss.kd_vocab == 0 ? c.vocab : trainer.loss.kd_vocab)) *
                 sizeof(int32_t);
  // Linears work on 96 rows of weights for each thread (128 of them packed as codes), and pack the batch once.
  const int64_t widest = std::max({c.width, c.ffn, c.q_width()});
  plan.packing = 2 * floats(num_threads() * 144 * std::max(widest, rows) + rows * widest);
  plan.teacher = beside.teacher;
  plan.program = beside.program;
  const uint64_t not_yet = plan.moments + plan.activations + plan.head + plan.packing + plan.teacher;
  plan.validation =
      beside.validates_on_way ? beside.validation : beside.validation - std::min(beside.validation, not_yet);
  return plan;
}

}  // namespace slm
