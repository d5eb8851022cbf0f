// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/options.h"

#include <fmt/format.h>

#include "cli/model_options.h"
#include "cli/option_values.h"
#include "cli/program.h"

namespace slm {
namespace {

FloatCompute compute_of(const TrainOptions& o) { return o.compute == "bf16" ? FloatCompute::Bf16 : FloatCompute::F32; }

}  // namespace

const char* const kTrainTeaches =
    R"(Trains a model and writes it quantized, ready for infer and llama.cpp. The mode says what is in the loop:
  fp32     nothing: the weights as they are, cross-entropy; the scheme comes after (the twin of qat)
  qat      the quantizers of --scheme, by straight-through gradients: the loss is that of the quantized model
  kd       a teacher: (1 − λ)·cross-entropy + λ·T²·KL(teacher ‖ student)
  qat_kd   both
Training files: plain text, or *.jsonl with {"text"}, {"prompt", "completion"}, {"turns"} of these or {"messages"} in each
line, of which completions and answers are learned. Writes --out/model.gguf, --out/f32/ (a Hugging Face folder),
--out/metrics.jsonl and checkpoints; Ctrl-C saves one and ends, --resume goes on from the last.)";

std::string train_examples() {
  return describe_weights() + R"(
Examples:
  qat_kd_train --mode qat_kd --student models/qwen2.5-0.5b --teacher models/qwen2.5-1.5b --train books.txt \
    --scheme w4g32 --steps 200 --seq 256 --lr 5e-6 --out run
  qat_kd_train --mode qat --student models/tiny --train tasks.jsonl --scheme w4g32 --steps 2000 --batch 8 --out run --resume
JSON: {mode, scheme, steps, shipped_step, loss, tokens, tokens_per_second, peak_rss_bytes, planned_bytes,
       planned_disk_bytes, perplexity_before, perplexity_after, gguf, folder, seconds}; perplexities are those of the
       packed model on the validation text; loss is null where metrics.jsonl lacks steps that were done before)";
}

void add_train_options(CLI::App& app, TrainOptions& o) {
  const auto text = [&app](const char* flag, std::string& value, const char* says, const char* type) {
    return app.add_option(flag, value, says)->type_name(type)->check(not_empty());
  };
  text("--mode", o.mode, "What is in the loop", "NAME")
      ->check(one_of({"fp32", "qat", "kd", "qat_kd"}))
      ->capture_default_str();
  text("--student", o.student, "The model to train: a Hugging Face folder or a GGUF file", "DIR|FILE")->required();
  text("--teacher", o.teacher, "The model that guides it, of the same vocabulary", "DIR|FILE");
  app.add_option("--train", o.train, "Texts to learn from; several times or several files")
      ->required()
      ->check(not_empty())
      ->type_name("FILE…");
  text("--valid", o.valid,
       "Text to measure on (default: the last 5 % of each training file, which is then not learned)", "FILE");
  app.add_option("--scheme", o.scheme, "Of the quantizers in the loop and of the file written")
      ->check(CLI::Validator(refuse_unknown_weights, ""))
      ->type_name("S")
      ->capture_default_str();
  app.add_option(
         "--activations", o.activations,
         "Of quantized linears: auto (what the kernels of --scheme use, found as they come; the default), the "
         "same by its name, a8g32 or a8t, a8s (static ranges, averaged while training; the head's stay dynamic) "
         "or f32 (as they are)")
      ->check(one_of({"auto", "a8g32", "a8t", "a8s", "f32"}))
      ->type_name("NAME");
  add_number(app, "--activation-delay", o.activation_delay,
             "Steps before static ranges come into the loop (default 10 % of --steps)", WholeRange{0});
  add_number(app, "--activation-decay", o.activation_decay, "Of their moving averages (default 0.999)",
             RealRange{0, 0.999999});
  app.add_option("--keep-fp", o.keep_fp,
                 "Matrices that are bf16 in the loop and in the file; * and ? stand for any text")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  app.add_option("--freeze", o.freeze, "Parameters that stay as they are, by Hugging Face name")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  add_number(app, "--dither", o.dither,
             "Spread weights that are exact ties of --scheme first, drawn from this seed (quantized checkpoints)",
             WholeRange{0});
  text("--out", o.out, "Folder of everything that is written", "DIR")->required();
  app.add_flag("--resume", o.resume, "Go on from the last checkpoint in --out, if there is one");

  const auto number = [&app](const char* flag, auto& value, const char* says, const auto& range, const char* group) {
    add_number(app, flag, value, says, range)->group(group);
  };
  const char* const kSteps = "Steps";
  number("--steps", o.steps, "Optimizer steps", WholeRange{1}, kSteps);
  app.get_option("--steps")->required()->default_str("");
  number("--batch", o.batch, "Sequences of a batch", WholeRange{1}, kSteps);
  number("--seq", o.sequence, "Tokens of a sequence", WholeRange{2}, kSteps);
  number("--accumulate", o.accumulate, "Batches of a step", WholeRange{1}, kSteps);
  number("--qat-start", o.qat_start, "Steps before the quantizers come into the loop", WholeRange{0}, kSteps);
  number("--checkpoint-every", o.checkpoint_every,
         "Steps from checkpoint to checkpoint, 0 for none; there is one at the end, too", WholeRange{0}, kSteps);
  number("--validate-every", o.validate_every,
         "Steps from one measurement of the packed model to the next, 0 for none; the best one's checkpoint stays in "
         "--out/best",
         WholeRange{0}, kSteps);
  app.add_option("--ship", o.ship,
                 "What is written at the end: the last weights, or the best that --validate-every met")
      ->check(one_of({"last", "best"}))
      ->type_name("NAME")
      ->capture_default_str()
      ->group(kSteps);
  number("--keep", o.keep, "Checkpoints that stay", WholeRange{1}, kSteps);
  app.add_option("--compute", o.compute,
                 "Float products: f32, or bf16, rounded to bfloat16 and added up in float32 (needs AVX512-BF16)")
      ->check(one_of({"f32", "bf16"}))
      ->type_name("NAME")
      ->capture_default_str()
      ->group(kSteps);
  const char* const kOptimizer = "Optimizer (AdamW)";
  std::vector<std::string> decays;
  for (const LrDecay decay : lr_decays()) decays.emplace_back(name(decay));
  number("--lr", o.learning_rate, "Peak learning rate", RealRange{0, 10, true}, kOptimizer);
  app.add_option("--schedule", o.schedule, "constant, linear or cosine, after the warm-up")
      ->check(one_of(decays))
      ->type_name("NAME")
      ->capture_default_str()
      ->group(kOptimizer);
  number("--warmup", o.warmup, "Steps of warm-up (default 5 % of --steps)", WholeRange{0}, kOptimizer);
  number("--weight-decay", o.weight_decay, "Of matrices", RealRange{0, 1}, kOptimizer);
  number("--clip", o.clip, "Largest global norm of the gradient, 0 for no limit", RealRange{0, 1e9}, kOptimizer);
  const char* const kGuidance = "Distillation";
  number("--kd-weight", o.kd_weight, "λ (default 0.5)", RealRange{0, 1, true}, kGuidance);
  number("--temperature", o.temperature, "T (default 1)", RealRange{0, 1000, true}, kGuidance);
  number("--teacher-top-k", o.teacher_top_k,
         "Only the teacher's N likeliest tokens are told apart, the rest is one event (default: all are)",
         WholeRange{1}, kGuidance);
  app.add_option("--teacher-weights", o.teacher_weights, "How the teacher's weights are held (default w8g32)")
      ->check(CLI::Validator(refuse_unknown_weights, ""))
      ->type_name("S")
      ->group(kGuidance);
  number("--valid-sequences", o.valid_sequences, "Sequences measured, the first ones, 0 for all", WholeRange{0},
         kSteps);
  number("--memory-limit", o.memory_limit_gb,
         "GB; a run planned to need more is refused before it begins, 0 for no limit", RealRange{0, 1e6}, kSteps);
}

void check(const TrainOptions& o) {
  if (!parse_weights(o.scheme).weights)
    throw UsageError("[train] --scheme as-is: a trained model needs a scheme of its own");
  if (o.distills() && o.teacher.empty()) throw UsageError(fmt::format("[train] --mode {} needs --teacher", o.mode));
  if (!o.distills() && !o.teacher.empty())
    throw UsageError(fmt::format("[train] --teacher does nothing in --mode {}, expected kd or qat_kd", o.mode));
  const auto does_nothing = [&](const char* option, bool given) {
    if (given) throw UsageError(fmt::format("[train] {} does nothing in --mode {}", option, o.mode));
  };
  does_nothing("--kd-weight", !o.distills() && o.kd_weight);
  does_nothing("--temperature", !o.distills() && o.temperature);
  does_nothing("--teacher-top-k", !o.distills() && o.teacher_top_k);
  does_nothing("--teacher-weights", !o.distills() && o.teacher_weights);
  does_nothing("--qat-start", !o.quantizes() && o.qat_start > 0);
  does_nothing("--activations", !o.quantizes() && o.activations);
  if (o.ship == "best" && o.validate_every == 0)
    throw UsageError("[train] --ship best needs --validate-every: nothing else tells which is best");
  if ((o.activation_delay || o.activation_decay) && o.activations != "a8s")
    throw UsageError("[train] --activation-delay and --activation-decay belong to --activations a8s");
  const ActivationScheme of_kernels = info(*parse_weights(o.scheme).weights).activations;
  const std::string given = o.activations.value_or("auto");
  const bool dynamic = given == "a8g32" || given == "a8t";
  if ((given == "a8s" && of_kernels == ActivationScheme::F32) || (dynamic && given != name(of_kernels)))
    throw UsageError(fmt::format(
        "[train] --activations {}: {} weights are multiplied with {}", given, o.scheme,
        of_kernels == ActivationScheme::F32 ? "floats" : fmt::format("{} inputs, or a8s", name(of_kernels))));
  const auto leaves_steps = [&](const char* option, int64_t value) {
    if (value >= o.steps)
      throw UsageError(fmt::format("[train] {} is {}, expected less than --steps, {}", option, value, o.steps));
  };
  if (o.qat_start > 0) leaves_steps("--qat-start", o.qat_start);
  if (o.activation_delay) leaves_steps("--activation-delay", *o.activation_delay);
  if (!can_compute(compute_of(o)))
    throw ArgumentError("[train] --compute bf16 needs a processor with avx512bf16, and SLM_ISA not below it");
  if (o.warmup.value_or(0) > o.steps)
    throw UsageError(fmt::format("[train] --warmup is {}, expected at most --steps, {}", *o.warmup, o.steps));
}

SchemePlan plan_of(const TrainOptions& o) {
  SchemePlan plan = parse_weights(o.scheme);
  plan.keep_fp = o.keep_fp;
  return plan;
}

SchemePlan teacher_plan_of(const TrainOptions& o) { return parse_weights(o.teacher_weights.value_or("w8g32")); }

TrainableOptions trainable_options(const TrainOptions& o) {
  return {.quantizer = o.quantizes() ? std::optional(plan_of(o)) : std::nullopt, .freeze = o.freeze};
}

TrainerOptions trainer_options(const TrainOptions& o, int64_t kd_vocab) {
  if (o.teacher_top_k.value_or(0) > kd_vocab)
    throw ArgumentError(
        fmt::format("[train] --teacher-top-k is {}, expected at most {}, the ids that student and teacher share",
                    *o.teacher_top_k, kd_vocab));
  TrainerOptions t;
  t.schedule = {.peak = o.learning_rate,
                .decay = parse_lr_decay(o.schedule),
                .warmup = o.warmup.value_or(o.steps / 20),
                .steps = o.steps};
  t.adamw.weight_decay = o.weight_decay;
  t.clip = o.clip;
  t.accumulate = o.accumulate;
  t.qat_start = o.qat_start;
  t.compute = compute_of(o);
  if (o.activations == "f32") t.activations = ActivationScheme::F32;
  if (o.activations == "a8s")
    t.static_inputs = {.delay = o.activation_delay.value_or(o.steps / 10), .decay = o.activation_decay.value_or(0.999)};
  t.loss.kd_weight = o.distills() ? o.kd_weight.value_or(0.5) : 0.0;
  t.loss.temperature = o.temperature.value_or(1.0);
  t.loss.kd_vocab = kd_vocab;
  t.loss.kd_top_k = o.teacher_top_k.value_or(0);
  return t;
}

}  // namespace slm
