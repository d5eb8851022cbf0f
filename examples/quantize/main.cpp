// SPDX-License-Identifier: Apache-2.0
// quantize: a model → the same model in a smaller or another format, with what each tensor lost.
#include <fmt/format.h>

#include <filesystem>

#include "cli/model_options.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "quantize/report.h"
#include "slm/export/gguf_model.h"
#include "slm/export/hf_folder.h"

namespace {

const char* const kTeaches =
    R"(Writes a model under a weight scheme: a GGUF file, which llama.cpp runs unchanged (all but
w8c, which only libslm reads), or, with --out FOLDER/, a Hugging Face folder for transformers (f32, bf16, f16).
Each value is rounded to the nearest of its scheme. SQNR says how far that is: the power of the weights over
that of the error, about 6 dB a bit. Norms and biases are f32 in a GGUF file, in a folder they have its one type.
Ctrl-C leaves nothing behind: what was there before stays as it was.

)";
const char* const kExamples = R"(Examples:
  quantize --model models/qwen2.5-0.5b --scheme w4g32 --out qwen-q4_0.gguf
  quantize --model model.gguf --scheme w4g32 --keep-fp 'model.layers.0.*' --keep-fp lm_head.weight --out q.gguf
  quantize --model model.gguf --scheme bf16 --out folder/
JSON: {out, scheme, bits_per_weight, parameters, tensor_bytes, file_bytes, source_bytes, seconds,
       tensors: [{name, shape, stored, written, sqnr_db (null: nothing lost), bytes}]})";

struct QuantizeOptions {
  std::string model, scheme, out, name;
  std::vector<std::string> keep_fp;
};

void add_options(CLI::App& app, QuantizeOptions& o) {
  slm::add_model_option(app, o.model);
  app.add_option("--scheme", o.scheme, "One of the schemes above")
      ->check(CLI::Validator(slm::refuse_unknown_weights, ""))
      ->required()
      ->type_name("S");
  app.add_option("--out", o.out, "The file to write, or a folder/")->required()->type_name("FILE|FOLDER/");
  app.add_option("--keep-fp", o.keep_fp, "Matrices to keep in bf16, by Hugging Face name; * and ? stand for any text")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  app.add_option("--name", o.name, "The model's name in the GGUF file (default: the source's)");
}

/// A folder is asked for by a slash at the end, or by naming one that is there. Throws UsageError where it cannot be.
bool asks_for_folder(const QuantizeOptions& o, const slm::SchemePlan& plan) {
  std::error_code error;  // what the system cannot tell, opening the file will
  if (!o.out.ends_with('/') && !std::filesystem::is_directory(o.out, error)) return false;
  const std::optional<slm::WeightScheme> s = plan.weights;
  const bool fits = s == slm::WeightScheme::F32 || s == slm::WeightScheme::BF16 || s == slm::WeightScheme::F16;
  if (!fits || !o.keep_fp.empty())
    throw slm::UsageError("[quantize] a Hugging Face folder has one type: --scheme f32, bf16 or f16, no --keep-fp");
  if (!o.name.empty()) throw slm::UsageError("[quantize] --name is for a GGUF file, a Hugging Face folder has no name");
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  slm::Program program("quantize", kTeaches + slm::describe_weights(), kExamples);
  QuantizeOptions o;
  add_options(program.options(), o);

  return program.run(argc, argv, [&] {
    slm::SchemePlan plan = slm::parse_weights(o.scheme);
    plan.keep_fp = o.keep_fp;
    const bool to_folder = asks_for_folder(o, plan);
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
      fmt::print(stderr, "the head is tied: model.embed_tokens.weight is embedding and head, both stay bf16\n");
    if (program.json())
      return slm::print_json({{"out", o.out},
                              {"scheme", o.scheme},
                              {"bits_per_weight", report.bits_per_weight()},
                              {"parameters", report.parameters},
                              {"tensor_bytes", report.tensor_bytes},
                              {"file_bytes", report.file_bytes},
                              {"source_bytes", model.stored_bytes()},
                              {"seconds", program.elapsed_seconds()},
                              {"tensors", slm::as_json(report)}});
    fmt::print("{}\n{} parameters, {} → {} ({}): {:.3f} bits per weight\n", slm::as_table(report), report.parameters,
               slm::megabytes(model.stored_bytes()), slm::megabytes(report.file_bytes), o.out,
               report.bits_per_weight());
    fmt::print(stderr, "{:.1f} s, peak memory {}\n", program.elapsed_seconds(), slm::megabytes(slm::peak_rss_bytes()));
  });
}
