// SPDX-License-Identifier: Apache-2.0
#include "slm/train/trainer.h"

#include <cmath>

#include "slm/core/check.h"
#include "slm/core/finite.h"
#include "slm/core/parallel.h"
#include "slm/core/stopwatch.h"
#include "slm/train/grad_clip.h"

namespace slm {
namespace {

/// Adds the seconds it lives to a sum.
class Timed {
 public:
  explicit Timed(double& sum) : sum_(sum) {}
  ~Timed() { sum_ += watch_.seconds(); }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  double& sum_;
  const Stopwatch watch_;
};

int64_t count_targets(std::span<const PackedRow> rows) {
  int64_t targets = 0;
  for (const PackedRow& row : rows) targets += row.label != kNoLabel ? 1 : 0;
  return targets;
}

const TrainerOptions& checked(const TrainerOptions& o, const Teacher* teacher, int64_t vocab) {
  o.schedule.check();
  o.loss.check(vocab);
  SLM_CHECK(o.accumulate >= 1, "[train] {} batches for a step, expected at least 1", o.accumulate);
  SLM_CHECK(o.qat_start >= 0, "[train] quantizers from step {} on, expected 0 or more", o.qat_start);
  if (o.static_inputs)
    SLM_CHECK(o.static_inputs->delay >= 0 && o.static_inputs->decay >= 0 && o.static_inputs->decay < 1,
              "[train] static inputs after {} steps, decay {}, expected 0 or more, and from 0 to below 1",
              o.static_inputs->delay, o.static_inputs->decay);
  SLM_CHECK(o.clip >= 0 && !std::isnan(o.clip), "[train] clip {}, expected 0 (none) or more", o.clip);
  SLM_CHECK(o.loss.kd_weight == 0 || teacher != nullptr, "[train] weight {} of the distillation loss without a teacher",
            o.loss.kd_weight);
  return o;
}

}  // namespace

Trainer::Trainer(TrainableModel& model, Batcher& batcher, Teacher* teacher, const TrainerOptions& options)
    : model_(model),
      batcher_(batcher),
      teacher_(teacher),
      options_(checked(options, teacher, model.config().vocab)),
      optimizer_(model, options.adamw),
      executor_(model.config(), tape_, options_.compute),
      head_scratch_(options_.compute) {
  executor_.set_activations(options.activations);
  if (options.static_inputs) executor_.observe_inputs(options.static_inputs->decay);
}

StaticInputs Trainer::static_inputs() const {
  StaticInputs inputs;
  for (const auto& [name, observer] : executor_.observers()) inputs.emplace(name, observer.params());
  return inputs;
}

StepReport Trainer::step() {
  StepReport report{.step = steps_done() + 1};
  std::optional<Timed> timed(report.seconds);
  report.learning_rate = options_.schedule.at(report.step);
  executor_.set_quantized(report.step > options_.qat_start);
  if (options_.static_inputs) executor_.set_static_inputs(report.step > options_.static_inputs->delay);

  std::vector<std::vector<PackedRow>> batches;
  for (int64_t i = 0; i < options_.accumulate; ++i) batches.push_back(batcher_.next());
  for (const auto& batch : batches) report.tokens += std::ssize(batch), report.targets += count_targets(batch);

  model_.zero_grads();
  HeadLoss loss;
  try {
    for (const auto& batch : batches)
      loss += forward_backward(batch, 1.0 / static_cast<double>(report.targets), report.teacher_seconds);
  } catch (const NotFiniteError& error) {  // quantizers refuse it before there is a loss
    throw DivergedError(fmt::format("[train] step {}: {}", report.step, error.what()));
  }
  for (const Parameter& p : model_.parameters())  // straight-through: the same mask for every batch of the step
    if (p.scheme && !p.frozen()) executor_.view(p)->mask_clipped_(p.grad);

  report.loss = loss.mean(options_.loss);
  report.cross_entropy = loss.cross_entropy / static_cast<double>(loss.rows);
  report.kl = loss.kl / static_cast<double>(loss.rows);
  report.grad_norm = clip_grad_norm_(model_.grads(), options_.clip);
  if (!std::isfinite(report.loss) || !std::isfinite(report.grad_norm))
    throw DivergedError(fmt::format("[train] step {}: loss {}, norm of the gradient {}, expected finite numbers",
                                    report.step, report.loss, report.grad_norm));
  optimizer_.step(report.learning_rate);
  timed.reset();
  return report;
}

HeadLoss Trainer::forward_backward(std::span<const PackedRow> batch, double scale, double& teacher_seconds) {
  std::vector<TrainRow> rows;
  std::vector<int32_t> targets, labels;
  for (size_t t = 0; t < batch.size(); ++t) {
    rows.push_back({.token = batch[t].token, .position = batch[t].position});
    if (batch[t].label == kNoLabel) continue;
    targets.push_back(static_cast<int32_t>(t));
    labels.push_back(batch[t].label);
  }
  HeadLoss loss;
  if (options_.loss.kd_weight > 0) {
    const Timed timed(teacher_seconds);
    parallel_region([&] { teacher_->run(batch, targets); });
  }
  parallel_region([&] {
    const TrainedWeights& weights = model_.weights();
    executor_.begin(rows);
    const Parameter& table = *weights.head_table();
    const autograd::LinearInput x =
        executor_.linear_input(head_input(executor_, weights, hidden(executor_, weights), targets), table);
    const TeacherLogits teacher_logits = [&](int64_t first, int64_t last) {
      const Timed timed(teacher_seconds);
      return teacher_->logits(first, last);
    };
    loss = head_loss_grad(head_scratch_, logits_, executor_.context().vec, *executor_.view(table), x.input(), labels,
                          teacher_logits, options_.loss, scale, x.values.grad(), table.grad_matrix());
    tape_.backward();
  });
  return loss;
}

}  // namespace slm
