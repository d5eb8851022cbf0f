// SPDX-License-Identifier: Apache-2.0
// flood_world: invented flood reports with questions, as text to learn and as tasks to be scored.
#include "cli/option_values.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "flood_world/documents.h"
#include "slm/io/atomic_file.h"

namespace {

using namespace slm::flood_world;

constexpr const char* kTeaches =
    R"(Writes invented flood reports: rivers and their levels, a shelter, a road, a message, and questions over them of four
kinds (yes_no, choice, span, arithmetic). The same seed gives the same bytes everywhere. Towns and rivers of one split
are in no other: what a model knows of a test report it has from the report.
  text       JSON lines {"text"}: a report, then questions of every kind with their answers, and as many that ask for a
             line of the report, to learn from
  turns      the same as JSON lines {"turns": [{prompt, completion}]}: only answers are learned
  tasks      JSON lines {kind, report, question, prompt, answer, choices}: one question each, to be scored
  questions  the same tasks, but the prompt is the question alone: what can be guessed without the report)";
constexpr const char* kExamples = R"(Examples:
  flood_world --split train --reports 20000 --seed 1 --out train.jsonl
  flood_world --split test --reports 250 --form tasks --out test-tasks.jsonl
JSON: {out, split, form, reports, seed, bytes})";

}  // namespace

int main(int argc, char** argv) {
  slm::Program program("flood_world", kTeaches, kExamples);
  std::string split = "train", form = "text", about = "reports", out;
  int64_t reports = 1000;
  DocumentOptions document;
  program.options()
      .add_option("--split", split, "train, valid or test")
      ->check(slm::one_of({"train", "valid", "test"}))
      ->capture_default_str();
  program.options()
      .add_option("--form", form, "text, turns, tasks or questions")
      ->check(slm::one_of({"text", "turns", "tasks", "questions"}))
      ->capture_default_str();
  slm::add_number(program.options(), "--reports", reports, "Reports, or tasks of each kind", slm::WholeRange{1});
  slm::add_number(program.options(), "--questions", document.questions,
                  "Questions of each kind, and for a line, after a report, in text and turns",
                  slm::WholeRange{1, 1000});
  program.options()
      .add_option("--about", about, "What text and turns tell of: reports, excerpts of them, or lists of names")
      ->check(slm::one_of({"reports", "excerpts", "names"}))
      ->capture_default_str();
  program.options()
      .add_option("--out", out, "The file to write")
      ->required()
      ->check(slm::not_empty())
      ->type_name("FILE");

  return program.run(argc, argv, [&] {
    const slm::EndOnSignal no_half_file;
    const Split of = parse_split(split);
    const bool is_document = form == "text" || form == "turns";
    document.about = parse_about(about);
    if (document.about != About::Reports && !is_document)
      throw slm::UsageError(fmt::format("[flood_world] --about {} does nothing for --form {}", about, form));
    document.as_turns = form == "turns";
    slm::Rng rng(program.seed());
    slm::AtomicFile file(out);
    const auto write = [&](const slm::JsonDocument& json) {
      const std::string line = json.dump() + "\n";
      file.write(line.data(), line.size());
    };
    for (int64_t i = 0; i < reports; ++i) {
      slm::EndOnSignal::check();
      if (is_document) write(document_of(of, document, rng));
      for (const Kind kind : kKinds)
        if (!is_document) write(task_of(of, kind, form == "tasks", rng));
    }
    file.commit();
    if (program.json())
      slm::print_json({{"out", out},
                       {"split", split},
                       {"form", form},
                       {"reports", reports},
                       {"seed", program.seed()},
                       {"bytes", file.position()}});
  });
}
