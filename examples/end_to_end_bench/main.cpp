// SPDX-License-Identifier: Apache-2.0
// end_to_end_bench: tokens per second of whole forward passes, prompt and decoding apart, as llama-bench measures them.
#include "end_to_end_bench/measure.h"

#include <fmt/format.h>

#include "cli/model_options.h"
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
      "Measures a model's speed as llama-bench does: reading a prompt of random tokens, and, apart from it, tokens "
      "one by one\n"
      "from an empty context (or --depth). One round warms up, then the median of --rounds and the least and largest.",
      slm::describe_weights() +
          "\nExamples:\n"
          "  end_to_end_bench --model models/qwen2.5-0.5b --weights w4g32,w8g32 --threads 2\n"
          "  end_to_end_bench --model model.gguf --prefill 512 --decode 0 --rounds 1 --json\n"
          "JSON: {model, threads, rounds, results: [{weights, prefill, decode, depth, prefill_tokens_per_second,\n"
          "  decode_tokens_per_second, spread, load_seconds, packed_bytes, kv_bytes, peak_rss_bytes}]};"
          " of one scheme, its keys stand\n"
          "  at the top too.");
  slm::BenchOptions o;
  slm::add_model_option(program.options(), o.model);
  slm::add_weights_option(program.options(), o.weights);
  const auto count = [&](const char* flag, int64_t& value, const char* text, int64_t least) {
    auto* option =
        program.options().add_option(flag, value, text)->check(CLI::Range(least, int64_t{1} << 30).description(""));
    option->type_name("N")->capture_default_str();
  };
  count("--prefill", o.prefill, "Tokens of the prompt; 0: not measured", 0);
  count("--decode", o.decode, "Tokens decoded one by one; 0: not measured", 0);
  count("--depth", o.depth, "Tokens in the context before the first one decoded", 0);
  count("--rounds", o.rounds, "Rounds measured", 1);
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
    fmt::print("{}: prefill {}, decode {} at depth {}, {} rounds, {} threads\n\n{}", o.model, o.prefill, o.decode,
               o.depth, o.rounds, program.threads(), table.text());
  });
}
