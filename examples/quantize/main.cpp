// SPDX-License-Identifier: Apache-2.0
// quantize: a model → the same model in a smaller or another format, with what each tensor lost.
#include <fmt/format.h>

#include "cli/model_options.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "quantize/options.h"
#include "quantize/report.h"
#include "slm/export/gguf_model.h"
#include "slm/export/hf_folder.h"

int main(int argc, char** argv) {
  slm::Program program("quantize", slm::kQuantizeTeaches, slm::quantize_examples());
  slm::QuantizeOptions o;
  slm::add_quantize_options(program.options(), o);

  return program.run(argc, argv, [&] {
    const slm::SchemePlan plan = slm::plan_of(o);
    const bool to_folder = slm::asks_for_folder(o, plan);
    const slm::EndOnSignal no_half_file;
    const slm::ModelFiles model = slm::ModelFiles::open(o.model);
    const slm::TokenizerData tokenizer = slm::load_tokenizer(o.model).data();
    slm::ProgressLine line("quantizing");
    const slm::ExportReport report =
        to_folder
            ? slm::export_hf_folder(model, tokenizer, o.out, {.weights = *plan.weights, .progress = line.callback()})
            : slm::export_gguf(model, tokenizer, o.out, {.plan = plan, .name = o.name, .progress = line.callback()});
    line.finish();
    if (report.kept_tied_head)
      slm::tell("the head is tied: model.embed_tokens.weight is embedding and head, both stay bf16\n");
    if (to_folder && !model.inputs().empty())
      slm::tell("note: static inputs of {} are not kept: a Hugging Face folder has no place for them\n",
                slm::counted(std::ssize(model.inputs()), "linear"));
    if (const std::string types = slm::quantized_twice(report); !types.empty())
      slm::tell("note: the source is quantized already ({}): its loss and this one add up, SQNR is of this one\n",
                types);
    if (program.json())
      return slm::print_json({{"out", o.out},
                              {"scheme", o.scheme},
                              {"bits_per_weight", report.bits_per_weight()},
                              {"nominal_bits_per_weight", report.nominal_bits_per_weight()},
                              {"parameters", report.parameters},
                              {"tensor_bytes", report.tensor_bytes},
                              {"file_bytes", report.file_bytes},
                              {"source_bytes", model.stored_bytes()},
                              {"seconds", program.elapsed_seconds()},
                              {"tensors", slm::as_json(report)}});
    fmt::print("{}\n{}, {} → {} ({}): {:.3f} bits per weight\n",
               o.verbose ? slm::as_table(report) : slm::as_summary(report),
               slm::counted(static_cast<int64_t>(report.parameters), "parameter"), slm::megabytes(model.stored_bytes()),
               slm::megabytes(report.file_bytes), o.out, report.bits_per_weight());
    if (report.unused_bits > 0) fmt::print("nominally {:.3f} bits per weight\n", report.nominal_bits_per_weight());
    slm::tell("{:.1f} s, peak memory {}\n", program.elapsed_seconds(), slm::megabytes(slm::peak_rss_bytes()));
  });
}
