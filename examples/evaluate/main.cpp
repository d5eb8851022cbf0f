// SPDX-License-Identifier: Apache-2.0
// evaluate: perplexity of a model on a text under each scheme, and its KL to the unquantized model.
#include <fmt/format.h>

#include "cli/model_options.h"
#include "cli/program.h"
#include "cli/standard_error.h"
#include "cli/terminal.h"
#include "cli/weights_hash.h"
#include "evaluate/options.h"
#include "evaluate/report.h"
#include "slm/eval/perplexity.h"
#include "slm/quant/scheme.h"
#include "slm/text/shared_vocabulary.h"

int main(int argc, char** argv) {
  slm::Program program("evaluate", slm::kEvaluateTeaches, slm::evaluate_examples());
  slm::EvaluateOptions o;
  slm::add_evaluate_options(program.options(), o);

  return program.run(argc, argv, [&] {
    slm::check(o);
    const std::string data = slm::read_text(o.data);
    const slm::EndOnSignal no_half_table;
    const slm::ModelFiles files = slm::ModelFiles::open(o.model);
    slm::check(o, files.config());
    for (const std::string& weights : o.weights) slm::check_plan(files, slm::parse_weights(weights));
    const slm::Tokenizer tokenizer = slm::load_tokenizer(o.model);
    slm::EvalText text = slm::make_eval_text(tokenizer, data, o.protocol);
    const int64_t in_file = std::ssize(text.windows);
    if (o.windows > 0 && o.windows < in_file) text.windows.resize(static_cast<size_t>(o.windows));
    slm::tell("{}: {} of {}, {} counted, text of {}\n", text.protocol, text.windows.size(),
              slm::counted(in_file, "window"), slm::counted(text.counted_tokens(), "token"),
              slm::counted(std::ssize(text.ids), "token"));

    std::shared_ptr<const slm::Model> reference;
    std::string kl_hash;
    if (!o.kl_to.empty() && o.kl_model.empty())
      reference = slm::load_model_showing(files, {.plan = slm::parse_weights(o.kl_to)});
    if (!o.kl_model.empty()) {
      slm::shared_vocabulary(tokenizer, slm::load_tokenizer(o.kl_model));
      const slm::ModelFiles other = slm::ModelFiles::open(o.kl_model);
      reference = slm::load_model_showing(other, {.plan = slm::parse_weights(o.kl_to)});
      if (reference->config.vocab != files.config().vocab)
        throw slm::ArgumentError(fmt::format("[evaluate] --kl-model has logits of {} tokens, the model of {}",
                                             reference->config.vocab, files.config().vocab));
      if (program.json()) kl_hash = slm::weights_sha256(other);
    }

    slm::JsonDocument results = slm::JsonDocument::array();
    slm::Table table(slm::report_header(o));
    for (const std::string& weights : o.weights) {
      const bool same = reference && o.kl_model.empty() && weights == o.kl_to && !o.fake_activations;
      const auto model = same ? reference
                              : slm::load_model_showing(files, {.plan = slm::parse_weights(weights),
                                                                .fake_activations = o.fake_activations});
      slm::ProgressLine line(weights);
      const slm::Score score = slm::score_text(
          model, text, {.reference = reference, .kl_tokens = o.kl_tokens, .kv = o.kv, .progress = line.callback()});
      line.finish();
      results.push_back(slm::to_json(weights, o, score, *model));
      table.add(slm::to_row(weights, o, score, *model));
      slm::tell("{}: perplexity {} in {}\n", weights, slm::with_error(score.perplexity(), score.perplexity_error(), 4),
                slm::duration(score.seconds));
    }
    const std::string hash = slm::weights_sha256(files);
    slm::EndOnSignal::check();
    if (program.json()) {
      slm::JsonDocument document = {{"model", o.model}, {"weights_sha256", hash}};
      if (!kl_hash.empty()) document["kl_weights_sha256"] = kl_hash;
      document["tokenizer"] = slm::describe(tokenizer);
      document["data"] = o.data;
      document["threads"] = program.threads();
      document["results"] = results;
      slm::print_json(document);
    } else {
      fmt::print("{} (weights sha256 {:.16}…, tokenizer {}): {}, {}, {}{}\n\n{}", o.model, hash,
                 slm::describe(tokenizer), text.protocol, slm::counted(std::ssize(text.windows), "window"),
                 slm::counted(text.counted_tokens(), "token"), slm::describe_activations(o), table.text());
    }
  });
}
