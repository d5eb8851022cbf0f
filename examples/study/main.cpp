// SPDX-License-Identifier: Apache-2.0
// study: FP32, PTQ, QAT and QAT+KD of one student, side by side: a table, JSON and a plot.
#include <fmt/format.h>

#include <filesystem>

#include "cli/cut_prompts.h"
#include "cli/model_options.h"
#include "cli/option_values.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "slm/io/atomic_file.h"
#include "slm/io/folder_lock.h"
#include "study/report.h"
#include "study/study.h"

namespace {

constexpr const char* kTeaches =
    R"(Trains one student several times on the same text for as many steps, and measures what each way of quantizing costs:
  FP32     no quantizer, held in float32
  PTQ      the weights of FP32, rounded afterwards
  QAT      the quantizer in the loop
  QAT+KD   the quantizer in the loop, a teacher beside it
Prints a table and writes it with the numbers (study.md, study.json), a plot of bits against quality (study.svg), the models
of QAT+KD (<scheme>.gguf) and each row as soon as it is measured (rows.jsonl). With --runs N everything is done N times
from seeds one after another: means ± standard deviations over runs. Of one run ± is the standard error over its tasks.)";

std::string examples() {
  return slm::describe_weights() + R"(
Examples:
  study --student examples/flood_world/student --teacher examples/flood_world/teacher --train train.jsonl \
    --valid valid.jsonl --tasks tasks.jsonl --out study
JSON: {steps, batch, sequence, learning_rate, kd_weight, seconds, runs: [{seed, rows: [{method, weights, bits,
       stored_bits, perplexity, quality, kinds, packed_bytes, memory_bytes, ms_per_token, train_seconds}]}]}; kinds
       are {name: {tasks, cut, acc, acc_stderr}}, or, where answers are free, {tasks, cut, exact_match, f1, f1_stderr};
       the errors are null for one task)";
}

}  // namespace

int main(int argc, char** argv) {
  slm::Program program("study", kTeaches, examples());
  slm::StudyOptions o;
  CLI::App& app = program.options();
  const auto text = [&app](const char* flag, std::string& value, const char* says, const char* type) {
    app.add_option(flag, value, says)->required()->type_name(type)->check(slm::not_empty());
  };
  text("--student", o.student, "The model all rows begin with", "DIR|FILE");
  text("--teacher", o.teacher, "The model that guides QAT+KD, of the same vocabulary", "DIR|FILE");
  text("--train", o.train, "Text to learn from", "FILE");
  text("--valid", o.valid, "Text whose perplexity is measured", "FILE");
  text("--tasks", o.tasks, "Tasks to be scored (score --help tells of them)", "FILE");
  text("--out", o.out, "Folder to write", "DIR");
  slm::add_list(app, "--schemes", o.schemes, "Quantized widths to compare", slm::refuse_unknown_schemes)
      ->type_name("S[,…]");
  slm::add_number(app, "--runs", o.runs, "How many times, each from the next seed", slm::WholeRange{1, 1000});
  slm::add_number(app, "--steps", o.steps, "Optimizer steps of each run", slm::WholeRange{1});
  slm::add_number(app, "--batch", o.batch, "Sequences of a batch", slm::WholeRange{1});
  slm::add_number(app, "--seq", o.sequence, "Tokens of a sequence", slm::WholeRange{2});
  slm::add_number(app, "--lr", o.learning_rate, "Peak learning rate", slm::RealRange{0, 10, true});
  slm::add_number(app, "--kd-weight", o.kd_weight, "λ of QAT+KD", slm::RealRange{0, 1, true});
  slm::add_number(app, "--dither", o.dither,
                  "Spread weights that are exact ties of a width first, drawn from this seed", slm::WholeRange{0});
  slm::add_number(app, "--valid-sequences", o.valid_sequences, "Sequences measured, 0 for all", slm::WholeRange{0});
  slm::add_number(app, "--task-limit", o.task_limit, "Tasks of each kind, 0 for all", slm::WholeRange{0});

  slm::add_number(app, "--max-tokens", o.answer_tokens, "Longest generated answer", slm::WholeRange{1});

  return program.run(argc, argv, [&] {
    const slm::EndOnSignal no_half_table;
    const std::filesystem::path out(o.out);
    std::error_code error;
    std::filesystem::create_directories(out, error);
    if (error) throw slm::IoError(fmt::format("[study] --out {} cannot be made a folder", o.out), error.value());
    const slm::FolderLock ours(out);
    for (const char* file : {"study.json", "rows.jsonl"})  // the latter alone: of one that was ended
      if (std::filesystem::exists(out / file, error))
        throw slm::ArgumentError(
            fmt::format("[study] --out {} holds {} of another study: choose another folder", o.out, file));
    const slm::Study study(o);
    slm::ProgressLine line("study");
    std::string rows;
    uint64_t seed = 0;
    const auto tell_row = [&](const slm::StudyRow& row) {
      line.finish();
      slm::JsonDocument json = slm::as_json(row);
      json["seed"] = seed;
      slm::write_file(out / "rows.jsonl", rows += json.dump() + "\n");  // whatever comes later
      slm::warn_of_cut_prompts(row.scheme, row.kinds);
      slm::tell("{} {}: perplexity {:.3f}, quality {:.1f} %\n", row.method, row.scheme, row.perplexity,
                100 * row.quality());
    };
    std::vector<slm::StudyRun> runs;
    slm::JsonDocument document;
    const auto write = [&] {  // after every run
      document = {{"steps", o.steps},          {"batch", o.batch},
                  {"sequence", o.sequence},    {"learning_rate", o.learning_rate},
                  {"kd_weight", o.kd_weight},  {"seconds", program.elapsed_seconds()},
                  {"runs", slm::as_json(runs)}};
      slm::write_file(out / "study.md", slm::as_table(runs));
      slm::write_file(out / "study.json", document.dump(1) + "\n");
      slm::write_file(out / "study.svg", slm::as_plot(runs));
    };
    for (uint64_t i = 0; i < static_cast<uint64_t>(o.runs); ++i) {
      seed = program.seed() + i;
      if (o.runs > 1) slm::tell("run {} of {}, seed {}\n", i + 1, o.runs, seed);
      runs.push_back({seed, study.run(seed, tell_row, line.callback())});
      write();
    }
    line.finish();
    if (program.json()) return slm::print_json(document);
    fmt::print("{}", slm::as_table(runs));
  });
}
