// SPDX-License-Identifier: Apache-2.0
// end_to_end_bench: tokens per second of whole forward passes, prompt and decoding apart, as llama-bench measures them.
#include "end_to_end_bench/measure.h"

#include <fmt/format.h>

#include "cli/model_options.h"
#include "cli/option_values.h"
#include "cli/program.h"
#include "cli/terminal.h"

namespace {

std::string cell(const slm::JsonDocument& s) {
  if (s.is_null()) return "-";
  return fmt::format("{:.2f} ({:.2f} – {:.2f})", s["median"].get<double>(), s["min"].get<double>(),
                     s["max"].get<double>());
}

}  // namespace

int main(int argc, char** argv) {
  slm::Program program(
      "end_to_end_bench",
      "Measures a model's speed as llama-bench does: reading a prompt of random tokens, and, apart from it, tokens\n"
      "one by one from an empty context (or --depth). One round warms up, then the median of --rounds and the least\n"
      "and largest.",
      slm::describe_weights() +
          "\nExamples:\n"
          "  end_to_end_bench --model models/qwen2.5-0.5b --weights w4g32,w8g32 --threads 2\n"
          "  end_to_end_bench --model model.gguf --prefill 512 --decode 0 --rounds 1 --json\n"
          "JSON: {model, threads, rounds, results: [{weights, prefill, decode, depth, prefill_tokens_per_second,\n"
          "  decode_tokens_per_second, spread, load_seconds, packed_bytes, kv_bytes, peak_rss_bytes}]}; of one "
          "scheme,\n"
          "  its keys stand at the top too.");
  slm::BenchOptions o;
  slm::add_model_option(program.options(), o.model);
  slm::add_weights_option(program.options(), o.weights);
  CLI::App& app = program.options();
  slm::add_number(app, "--prefill", o.prefill, "Tokens of the prompt; 0 is not measured", slm::WholeRange{0});
  slm::add_number(app, "--decode", o.decode, "Tokens decoded one by one; 0 is not measured", slm::WholeRange{0});
  slm::add_number(app, "--depth", o.depth, "Tokens in the context before the first one decoded", slm::WholeRange{0});
  slm::add_number(app, "--rounds", o.rounds, "Rounds measured", slm::WholeRange{1});
  slm::add_kv_option(program.options(), o.kv);

  return program.run(argc, argv, [&] {
    if (o.prefill == 0 && o.decode == 0)
      throw slm::UsageError("[bench] --prefill 0 --decode 0 measures nothing: one of them must be above 0");
    if (o.depth > 0 && o.decode == 0) throw slm::UsageError("[bench] --depth does nothing with --decode 0");
    const slm::EndOnSignal no_half_table;
    slm::JsonDocument document = {{"model", o.model}, {"threads", program.threads()}, {"rounds", o.rounds}};
    slm::JsonDocument results = slm::JsonDocument::array();
    slm::Table table({"weights", "prefill tokens/s", "decode tokens/s", "size", "peak memory"});
    for (const std::string& weights : o.weights) {
      const slm::JsonDocument r = slm::measure(o, weights, program);
      table.add({weights, cell(r["spread"]["prefill_tokens_per_second"]), cell(r["spread"]["decode_tokens_per_second"]),
                 slm::megabytes(r["packed_bytes"]), slm::megabytes(r["peak_rss_bytes"])});
      results.push_back(r);
    }
    if (results.size() == 1) document.update(results[0]);
    document["results"] = results;
    if (program.json()) return slm::print_json(document);
    fmt::print("{}: prefill {}, decode {} at depth {}, {}, {}\n\n{}", o.model, o.prefill, o.decode, o.depth,
               slm::counted(o.rounds, "round"), slm::counted(program.threads(), "thread"), table.text());
  });
}
