// SPDX-License-Identifier: Apache-2.0
#include "study/options.h"

#include "cli/model_options.h"
#include "cli/option_values.h"

namespace slm {

const char* const kStudyTeaches =
    R"(Trains one student several times on the same text for as many steps, and measures what each way of quantizing costs:
  FP32     no quantizer, held in float32
  PTQ      the weights of FP32, rounded afterwards
  QAT      the quantizer in the loop
  QAT+KD   the quantizer in the loop, a teacher beside it
Prints a table and writes it with the numbers (study.md, study.json), a plot of bits against quality (study.svg), the models
of QAT+KD (<scheme>.gguf) and each row as soon as it is measured (rows.jsonl). With --runs N everything is done N times
from seeds one after another: means ± standard deviations over runs. Of one run ± is the standard error over its tasks.)";

std::string study_examples() {
  return describe_weights() + R"(
Examples:
  study --student examples/flood_world/student --teacher examples/flood_world/teacher --train train.jsonl \
    --valid valid.jsonl --tasks tasks.jsonl --out study
JSON: {steps, batch, sequence, learning_rate, kd_weight, seconds, runs: [{seed, rows: [{method, weights, bits,
       stored_bits, perplexity, quality, kinds, packed_bytes, memory_bytes, ms_per_token, train_seconds}]}]}; kinds
       are {name: {tasks, cut, acc, acc_stderr}}, or, where answers are free, {tasks, cut, exact_match, f1, f1_stderr};
       the errors are null for one task)";
}

void add_study_options(CLI::App& app, StudyOptions& o) {
  const auto text = [&app](const char* flag, std::string& value, const char* says, const char* type) {
    app.add_option(flag, value, says)->required()->type_name(type)->check(not_empty());
  };
  text("--student", o.student, "The model all rows begin with", "DIR|FILE");
  text("--teacher", o.teacher, "The model that guides QAT+KD, of the same vocabulary", "DIR|FILE");
  text("--train", o.train, "Text to learn from", "FILE");
  text("--valid", o.valid, "Text whose perplexity is measured", "FILE");
  text("--tasks", o.tasks, "Tasks to be scored (score --help tells of them)", "FILE");
  text("--out", o.out, "Folder to write", "DIR");
  add_list(app, "--schemes", o.schemes, "Quantized widths to compare", refuse_unknown_schemes)->type_name("S[,…]");
  add_number(app, "--runs", o.runs, "How many times, each from the next seed", WholeRange{1, 1000});
  add_number(app, "--steps", o.steps, "Optimizer steps of each run", WholeRange{1});
  add_number(app, "--batch", o.batch, "Sequences of a batch", WholeRange{1});
  add_number(app, "--seq", o.sequence, "Tokens of a sequence", WholeRange{2});
  add_number(app, "--lr", o.learning_rate, "Peak learning rate", RealRange{0, 10, true});
  add_number(app, "--kd-weight", o.kd_weight, "λ of QAT+KD", RealRange{0, 1, true});
  add_number(app, "--dither", o.dither, "Spread weights that are exact ties of a width first, drawn from this seed",
             WholeRange{0});
  add_number(app, "--valid-sequences", o.valid_sequences, "Sequences measured, 0 for all", WholeRange{0});
  add_number(app, "--task-limit", o.task_limit, "Tasks of each kind, 0 for all", WholeRange{0});
  add_number(app, "--max-tokens", o.answer_tokens, "Longest generated answer", WholeRange{1});
}

}  // namespace slm
