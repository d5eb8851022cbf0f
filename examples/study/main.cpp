// SPDX-License-Identifier: Apache-2.0
// study: FP32, PTQ, QAT and QAT+KD of one student, side by side: a table, JSON and a plot.
#include <fmt/format.h>

#include <filesystem>

#include "cli/cut_prompts.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "slm/io/atomic_file.h"
#include "slm/io/folder_lock.h"
#include "study/options.h"
#include "study/report.h"
#include "study/study.h"

int main(int argc, char** argv) {
  slm::Program program("study", slm::kStudyTeaches, slm::study_examples());
  slm::StudyOptions o;
  slm::add_study_options(program.options(), o);

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
