// SPDX-License-Identifier: Apache-2.0
#include "study/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "cli/model_options.h"
#include "cli/ties.h"
#include "cli/training_file.h"
#include "slm/core/stopwatch.h"
#include "slm/export/gguf_model.h"
#include "slm/runtime/session.h"
#include "slm/text/shared_vocabulary.h"
#include "slm/train/trainer.h"
#include "slm/train/validation.h"

namespace slm {
namespace {

constexpr int64_t kDecodeTokens = 64;  // timed together
constexpr int kRounds = 5;             // of which the median counts, after one that warms up

std::vector<PackedSequence> sequences_of(const std::string& file, const Tokenizer& tokenizer, int64_t tokens) {
  return pack_training_text(file, read_training_file(file, tokenizer), tokens);
}

/// Tokens of the longest task with its longest answer.
int64_t context_for(const std::vector<Task>& tasks, const Tokenizer& tokenizer, int64_t answer_tokens) {
  int64_t longest = 1;
  for (const Task& task : tasks) {
    int64_t answer = answer_tokens;
    for (const std::string& choice : task.choices)
      answer = std::max(answer, std::ssize(tokenizer.encode(" " + choice)) + 1);
    longest = std::max(longest, std::ssize(tokenizer.encode(task.prompt, {.add_bos = tokenizer.add_bos()})) + answer);
  }
  return longest;
}

double decode_ms_per_token(const std::shared_ptr<const Model>& model) {
  const int64_t tokens = std::min(kDecodeTokens, model->config.context);
  Session session(model, {.context = tokens});
  std::vector<double> milliseconds;
  for (int round = 0; round <= kRounds; ++round) {
    session.truncate(0);
    const Stopwatch watch;
    for (int64_t i = 0; i < tokens; ++i)
      session.append(std::vector<int32_t>{static_cast<int32_t>(i % model->config.vocab)});
    if (round > 0) milliseconds.push_back(1000 * watch.seconds() / static_cast<double>(tokens));
  }
  std::ranges::nth_element(milliseconds, milliseconds.begin() + kRounds / 2);
  return milliseconds[kRounds / 2];
}

}  // namespace

double StudyRow::quality() const {
  double sum = 0;
  for (const TaskScore& kind : kinds) sum += kind.ranked ? kind.accuracy.mean() : kind.f1.mean();
  return kinds.empty() ? 0.0 : sum / static_cast<double>(kinds.size());
}

Study::Study(const StudyOptions& o)
    : options_(o),
      files_(ModelFiles::open(o.student)),
      tokenizer_(load_tokenizer(o.student)),
      sequences_(sequences_of(o.train, tokenizer_, o.sequence)),
      valid_(sequences_of(o.valid, tokenizer_, o.sequence)),
      tasks_(read_tasks(o.tasks)) {
  for (const std::string& word : o.schemes) {  // before anything is trained
    plans_.push_back({.weights = parse_weight_scheme(word), .keep_fp = {}});
    check_plan(files_, plans_.back());
    check_gguf_export(files_, tokenizer_.data(), file_of(plans_.back()), {.plan = plans_.back()});
  }
  const ModelFiles teacher_files = ModelFiles::open(o.teacher);
  check_sequence(o.sequence, files_, "student");
  check_sequence(o.sequence, teacher_files, "teacher");
  if (o.valid_sequences > 0 && o.valid_sequences < std::ssize(valid_))
    valid_.resize(static_cast<size_t>(o.valid_sequences));
  if (o.task_limit > 0) {
    std::map<std::string, int64_t> taken;
    std::erase_if(tasks_, [&](const Task& task) { return ++taken[task.kind] > o.task_limit; });
  }
  context_ = std::min(context_for(tasks_, tokenizer_, o.answer_tokens), files_.config().context);
  check_tasks(tokenizer_, tasks_, context_, {.max_tokens = o.answer_tokens});
  {
    TrainableModel model(files_);
    spread(model);
    for (const SchemePlan& plan : plans_) warn_of_ties(model, plan);
  }
  shared_vocab_ = shared_vocabulary(tokenizer_, load_tokenizer(o.teacher));
  teacher_ = load_model_showing(teacher_files, {.plan = {.weights = WeightScheme::F32}});
}

std::filesystem::path Study::file_of(const SchemePlan& plan) const {
  return std::filesystem::path(options_.out) / (weights_name(plan) + ".gguf");
}

void Study::spread(TrainableModel& model) const {
  if (options_.dither)
    for (const SchemePlan& plan : plans_) spread_ties(model, plan, *options_.dither);
}

Study::Trained Study::train(uint64_t seed, const std::optional<SchemePlan>& quantizer, bool guided,
                            const std::string& label, const Progress& progress) const {
  TrainableModel model(files_, {.quantizer = quantizer, .freeze = {}});
  spread(model);
  Batcher batches(sequences_, options_.batch, seed);  // the same for every row
  std::optional<Teacher> teacher;
  if (guided) teacher.emplace(teacher_, options_.sequence, HeadLossOptions{}.chunk_rows);
  Trainer trainer(model, batches, teacher ? &*teacher : nullptr,
                  {.schedule = {.peak = options_.learning_rate,
                                .decay = LrDecay::Cosine,
                                .warmup = options_.steps / 20,
                                .steps = options_.steps},
                   .adamw = {.weight_decay = 0.0},
                   .loss = {.kd_weight = guided ? options_.kd_weight : 0.0, .kd_vocab = shared_vocab_}});
  const Stopwatch watch;
  for (int64_t i = 1; i <= options_.steps; ++i) {
    const StepReport step = trainer.step();
    report(progress, {fmt::format("{}: loss {:.3f}", label, step.loss), static_cast<uint64_t>(i),
                      static_cast<uint64_t>(options_.steps)});
  }
  Trained trained{.values = {}, .seconds = watch.seconds()};
  for (const Parameter& p : model.parameters()) trained.values.emplace_back(p.value.begin(), p.value.end());
  return trained;
}

ModelFiles Study::files_of(const Trained& trained) const {
  std::map<std::string, const std::vector<float>*> by_name;
  for (size_t i = 0; i < trained.values.size(); ++i) by_name[files_.tensors()[i].name] = &trained.values[i];
  return files_.with_values([&](const std::string& name) { return std::span<const float>(*by_name.at(name)); });
}

StudyRow Study::measure(const std::string& method, WeightScheme scheme, const Trained& trained,
                        const Progress& progress) const {
  const auto model = std::make_shared<const Model>(load_model(files_of(trained), {.plan = {.weights = scheme}}));
  StudyRow row{.method = method,
               .scheme = std::string(name(scheme)),
               .bits = info(scheme).nominal_bits,
               .stored_bits = info(scheme).bits,
               .perplexity = validate(model, valid_, progress).perplexity(),
               .train_seconds = trained.seconds,
               .packed_bytes = model->packed_bytes};
  Session session(model, {.context = context_});
  row.kinds = score_tasks(session, tokenizer_, tasks_, {.max_tokens = options_.answer_tokens, .progress = progress});
  row.memory_bytes = model->packed_bytes + session.kv_bytes();
  row.ms_per_token = decode_ms_per_token(model);
  return row;
}

std::vector<StudyRow> Study::run(uint64_t seed, const std::function<void(const StudyRow&)>& tell,
                                 const Progress& progress) const {
  std::vector<StudyRow> rows;
  const auto add = [&](const std::string& method, WeightScheme scheme, const Trained& trained) {
    rows.push_back(measure(method, scheme, trained, progress));
    tell(rows.back());
  };
  const Trained twin = train(seed, {}, false, "FP32", progress);
  add("FP32", WeightScheme::F32, twin);
  for (const SchemePlan& plan : plans_) {
    const std::string word = weights_name(plan);
    add("PTQ", *plan.weights, twin);
    add("QAT", *plan.weights, train(seed, plan, false, word + " QAT", progress));
    const Trained guided = train(seed, plan, true, word + " QAT+KD", progress);
    add("QAT+KD", *plan.weights, guided);
    export_gguf(files_of(guided), tokenizer_.data(), file_of(plan), {.plan = plan});
  }
  return rows;
}

}  // namespace slm
