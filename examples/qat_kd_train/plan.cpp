// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/terminal.h"
#include "qat_kd_train/out_folder.h"
#include "slm/io/free_space.h"
#include "slm/model/load.h"
#include "slm/train/validation.h"

namespace slm {

uint64_t planned_disk_bytes(const TrainOptions& o, const ModelFiles& student, const MemoryPlan& plan) {
  const uint64_t shipped = planned_bytes(student, plan_of(o)) + planned_bytes(student, {.weights = WeightScheme::F32});
  const int64_t made = 1 + (o.checkpoint_every > 0 ? (o.steps - 1) / o.checkpoint_every : 0);
  const auto stay = static_cast<uint64_t>(std::min(o.keep, made) + (o.validate_every > 0 ? 1 : 0));
  return stay * plan.checkpoint() + std::max(plan.checkpoint(), shipped);
}

MemoryPlan plan_run(const TrainOptions& o, const ModelFiles& student, const TrainingText& text,
                    const TrainerOptions& training, uint64_t teacher) {
  const MemoryPlan plan = plan_memory(student, trainable_options(o), training, text.batches.longest_batch_rows(),
                                      {.teacher = teacher,
                                       .validation = planned_validation_bytes(student, plan_of(o), text.valid),
                                       .validates_on_way = o.validate_every > 0,
                                       .program = peak_rss_bytes()});
  const uint64_t disk = planned_disk_bytes(o, student, plan);
  tell(
      "planned memory: {} = weights {} + gradients {} + moments {} + activations {} + head {} + packing {} + "
      "teacher {} + validation {} + program {}; on disk {}\n",
      megabytes(plan.total()), megabytes(plan.weights), megabytes(plan.gradients), megabytes(plan.moments),
      megabytes(plan.activations), megabytes(plan.head), megabytes(plan.packing), megabytes(plan.teacher),
      megabytes(plan.validation), megabytes(plan.program), megabytes(disk));
  if (o.memory_limit_gb > 0 && static_cast<double>(plan.total()) > o.memory_limit_gb * 1e9)
    throw ArgumentError(
        fmt::format("[train] the run needs {}, --memory-limit is {:g} GB", megabytes(plan.total()), o.memory_limit_gb));
  if (const uint64_t memory = memory_bytes(); memory > 0 && plan.total() > memory)
    throw ArgumentError(fmt::format("[train] the run needs {}, this machine has {} of memory and swap",
                                    megabytes(plan.total()), megabytes(memory)));
  const size_t there = checkpoint_steps(checkpoints_of(o)).size() + checkpoint_steps(best_of(o)).size();
  check_free_space(o.out, disk - std::min(disk, there * plan.checkpoint()));
  return plan;
}

}  // namespace slm
