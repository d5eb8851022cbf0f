// SPDX-License-Identifier: Apache-2.0
// qat_kd_train: a student, perhaps a teacher, and text → a trained, quantized model. Read main() top to bottom: it is
// the training road; each call leads into the library.
#include <fmt/format.h>

#include <optional>

#include "cli/model_options.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "cli/ties.h"
#include "qat_kd_train/identity.h"
#include "qat_kd_train/options.h"
#include "qat_kd_train/out_folder.h"
#include "qat_kd_train/plan.h"
#include "qat_kd_train/report.h"
#include "qat_kd_train/run.h"
#include "qat_kd_train/ship.h"
#include "qat_kd_train/text.h"
#include "slm/text/shared_vocabulary.h"
#include "slm/train/validation.h"

int main(int argc, char** argv) {
  slm::Program program("qat_kd_train", slm::kTrainTeaches, slm::train_examples());
  slm::TrainOptions o;
  slm::add_train_options(program.options(), o);

  return program.run(argc, argv, [&] {
    slm::check(o);
    const slm::EndOnSignal no_half_file;
    const slm::FolderLock ours = slm::prepare_out_folder(o);
    const slm::ModelFiles files = slm::ModelFiles::open(o.student);
    const slm::Tokenizer tokenizer = slm::load_tokenizer(o.student);
    slm::check_sequence(o.sequence, files, "student");
    slm::check_shippable(o, files, tokenizer);
    slm::TrainingText text = slm::read_training_text(o, tokenizer, program.seed());

    // Memory, before anything large is read.
    std::optional<slm::ModelFiles> teacher_files;
    const slm::SchemePlan teacher_plan = slm::teacher_plan_of(o);
    int64_t shared = 0;
    uint64_t teacher_bytes = 0;
    if (o.distills()) {
      teacher_files = slm::ModelFiles::open(o.teacher);
      slm::check_sequence(o.sequence, *teacher_files, "teacher");
      shared = slm::shared_vocabulary(tokenizer, slm::load_tokenizer(o.teacher));
      teacher_bytes =
          slm::Teacher::planned_bytes(*teacher_files, teacher_plan, o.sequence, slm::HeadLossOptions{}.chunk_rows);
    }
    const slm::TrainerOptions training = slm::trainer_options(o, shared);
    training.loss.check(files.config().vocab);
    const slm::MemoryPlan plan = slm::plan_run(o, files, text, training, teacher_bytes);

    slm::CheckpointOptions checkpoints = slm::checkpoints_of(o);
    checkpoints.identity =
        slm::identity_of(o, training, program.seed(), text, files, teacher_files ? &*teacher_files : nullptr);
    if (o.resume) slm::check_resumable(o, checkpoints);

    const slm::LoadOptions packed = {.plan = slm::plan_of(o)};
    const auto perplexity = [&](const slm::ModelFiles& model, const slm::LoadOptions& how) {
      const auto loaded = slm::load_model_showing(model, how);
      slm::ProgressLine line("validating");
      return slm::validate(loaded, text.valid, line.callback()).perplexity();
    };
    slm::Outcome done{.planned_bytes = plan.total(), .planned_disk_bytes = slm::planned_disk_bytes(o, files, plan)};
    {  // what trains is gone before the result is loaded
      slm::TrainableModel model(files, slm::trainable_options(o));
      if (o.dither) slm::spread_ties(model, slm::plan_of(o), *o.dither);
      slm::warn_of_ties(model, slm::plan_of(o));
      done.before = perplexity(slm::values_of(files, model), packed);
      slm::tell("packed as {} before training: perplexity {:.4f}\n", o.scheme, done.before);
      std::optional<slm::Teacher> teacher;
      if (teacher_files)
        teacher.emplace(slm::load_model_showing(*teacher_files, {.plan = teacher_plan}), o.sequence,
                        training.loss.chunk_rows);
      slm::Trainer trainer(model, text.batches, teacher ? &*teacher : nullptr, training);
      const auto trained = [&] { return slm::values_of(files, model, trainer.static_inputs()); };
      done.run = slm::run_training(o, checkpoints, trainer, [&] { return perplexity(trained(), packed); });
      done.shipped = slm::ship(o, trained(), tokenizer);
    }
    done.after = perplexity(slm::ModelFiles::open(done.shipped.gguf), {});
    slm::tell_outcome(done);
    if (program.json()) return slm::print_json(slm::as_json(o, done, program.elapsed_seconds()));
    fmt::print("{}", slm::as_text(o, done));
  });
}
