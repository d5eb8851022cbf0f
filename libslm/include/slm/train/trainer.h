// SPDX-License-Identifier: Apache-2.0
// Trainer: one step after another: batch → decoder on the tape → head with both losses → gradients → clip → AdamW.
// Quantizers may be in the loop from some step on (QAT, Jacob et al. 2017), a teacher may guide (KD, Hinton et al.
// 2015).
// In: a TrainableModel, a Batcher, perhaps a Teacher.  Out: a trained model, a report for each step.
// Next: checkpoint.h; examples/qat_kd_train joins it with evaluation and export.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "slm/core/error.h"
#include "slm/data/batcher.h"
#include "slm/model/tape_executor.h"
#include "slm/model/trainable_model.h"
#include "slm/ops/head_loss.h"
#include "slm/train/adamw.h"
#include "slm/train/lr_schedule.h"
#include "slm/train/teacher.h"

namespace slm {

/// A loss, a gradient or an observed input that is no number: the weights are those of the last step that was.
class DivergedError : public Error {
 public:
  using Error::Error;
};

/// a8s: ranges are averaged from the first step on, and in the loop after `delay` steps.
struct StaticInputOptions {
  int64_t delay = 0;
  double decay = 0.999;
};

struct TrainerOptions {
  LrSchedule schedule;
  AdamwOptions adamw;
  double clip = 1.0;                                ///< largest global norm of the gradient; 0: no limit
  int64_t accumulate = 1;                           ///< batches of one step
  int64_t qat_start = 0;                            ///< quantizers are in the loop after this many steps
  std::optional<ActivationScheme> activations;      ///< of quantized linears; none: what their kernels use
  std::optional<StaticInputOptions> static_inputs;  ///< a8s in the blocks instead
  FloatCompute compute = FloatCompute::F32;         ///< float products of linears and head, forward and back
  HeadLossOptions loss;                             ///< λ and temperature of the distillation loss, chunk of the head
};

/// What one step did.
struct StepReport {
  int64_t step = 0;
  double loss = 0.0;           ///< (1 − λ)·CE + λ·T²·KL, mean over targets
  double cross_entropy = 0.0;  ///< mean over targets, nats
  double kl = 0.0;             ///< KL(teacher ‖ student), mean over targets, nats, without T²
  double grad_norm = 0.0;      ///< before clipping
  double learning_rate = 0.0;
  int64_t tokens = 0;   ///< rows
  int64_t targets = 0;  ///< rows with a label
  double seconds = 0.0, teacher_seconds = 0.0;
};

class Trainer {
 public:
  /// All must outlive the trainer; `teacher` may be null where λ is 0. Throws ArgumentError on options.
  Trainer(TrainableModel& model, Batcher& batcher, Teacher* teacher, const TrainerOptions& options);

  /// The loss is normalised by the targets of all batches of the step. Throws DivergedError, naming the step.
  StepReport step();
  int64_t steps_done() const { return optimizer_.steps(); }
  const TrainerOptions& options() const { return options_; }
  Adamw& optimizer() { return optimizer_; }
  Batcher& batcher() { return batcher_; }
  TrainableModel& model() { return model_; }
  /// Ranges seen so far, with static inputs; a checkpoint keeps them.
  InputObservers& observers() { return executor_.observers(); }
  /// What goes with the weights into a file: the static grids found so far; empty without static inputs.
  StaticInputs static_inputs() const;
  /// Bytes the tape holds for activations and their gradients, at its fullest so far.
  uint64_t activation_bytes() const { return tape_.bytes(); }

 private:
  HeadLoss forward_backward(std::span<const PackedRow> batch, double scale, double& teacher_seconds);
  TrainableModel& model_;
  Batcher& batcher_;
  Teacher* teacher_;
  const TrainerOptions options_;
  Adamw optimizer_;
  Tape tape_;
  TapeExecutor executor_;
  GemmScratch head_scratch_;
  AlignedBuffer logits_;
};

}  // namespace slm
