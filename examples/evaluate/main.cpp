// SPDX-License-Identifier: Apache-2.0
// evaluate: perplexity of a model on a text under each scheme, and its KL to the unquantized model.
#include <fmt/format.h>

#include "cli/model_options.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "cli/weights_hash.h"
#include "evaluate/options.h"
#include "evaluate/report.h"
#include "slm/eval/perplexity.h"
#include "slm/quant/scheme.h"

int main(int argc, char** argv) {
  slm::Program program("evaluate", slm::kEvaluateTeaches, slm::evaluate_examples());
  slm::EvaluateOptions o;
  slm::add_evaluate_options(program.options(), o);

  return program.run(argc, argv, [&] {
    slm::check(o);
    const std::string data = slm::read_text(o.data);
    const slm::EndOnSignal no_half_table;
    const slm::ModelFiles files = slm::ModelFiles::open(o.model);
    const slm::Tokenizer tokenizer = slm::load_tokenizer(o.model);
    slm::EvalText text = slm::make_eval_text(tokenizer, data, o.protocol);
    const size_t in_file = text.windows.size();
    if (o.windows > 0 && static_cast<size_t>(o.windows) < in_file) text.windows.resize(static_cast<size_t>(o.windows));
    fmt::print(stderr, "{}: {} of {} windows, {} tokens counted, text of {} tokens\n", text.protocol,
               text.windows.size(), in_file, text.counted_tokens(), text.ids.size());

    std::shared_ptr<const slm::Model> reference;
    if (!o.kl_to.empty()) reference = slm::load_model_showing(files, {.plan = slm::parse_weights(o.kl_to)});

    slm::JsonDocument results = slm::JsonDocument::array();
    slm::Table table(slm::report_header(o));
    for (const std::string& weights : o.weights) {
      const bool same = reference && weights == o.kl_to && !o.fake_activations;
      const auto model = same ? reference
                              : slm::load_model_showing(files, {.plan = slm::parse_weights(weights),
                                                                .fake_activations = o.fake_activations});
      slm::ProgressLine line(weights);
      const slm::Score score = slm::score_text(
          model, text,
          {.reference = reference, .kl_tokens = o.kl_tokens.value_or(16384), .kv = o.kv, .progress = line.callback()});
      line.finish();
      results.push_back(slm::to_json(weights, o, score, *model));
      table.add(slm::to_row(weights, score, *model));
      fmt::print(stderr, "{}: perplexity {:.4f} ± {:.4f} in {}\n", weights, score.perplexity(),
                 score.perplexity_error(), slm::duration(score.seconds));
    }
    const std::string hash = slm::weights_sha256(files);
    slm::EndOnSignal::check();
    if (program.json())
      slm::print_json({{"model", o.model},
                       {"weights_sha256", hash},
                       {"tokenizer", slm::describe(tokenizer)},
                       {"data", o.data},
                       {"threads", program.threads()},
                       {"results", results}});
    else
      fmt::print("{} (weights sha256 {:.16}…, tokenizer {}): {}, {} windows, {} tokens\n\n{}", o.model, hash,
                 slm::describe(tokenizer), text.protocol, text.windows.size(), text.counted_tokens(), table.text());
  });
}
