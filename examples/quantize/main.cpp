// SPDX-License-Identifier: Apache-2.0
// quantize: a model → the same model in a smaller or another format, with what each tensor lost.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "cli/model_options.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "slm/export/gguf_model.h"
#include "slm/export/hf_folder.h"

namespace {

const char* const kTeaches =
    R"(Writes a model under a weight scheme: a GGUF file, which llama.cpp runs unchanged (all but
w8c, which only libslm reads), or, with --out FOLDER/, a Hugging Face folder for transformers (f32, bf16, f16).
Each value is rounded to the nearest of its scheme. SQNR says how far that is: the power of the weights over
that of the error, about 6 dB a bit. Norms and biases stay f32.

)";
const char* const kExamples = R"(Examples:
  quantize --model models/qwen2.5-0.5b --scheme w4g32 --out qwen-q4_0.gguf
  quantize --model model.gguf --scheme w4g32 --keep-fp 'model.layers.0.*' --keep-fp lm_head.weight --out q.gguf
  quantize --model model.gguf --scheme bf16 --out folder/
JSON: {out, scheme, bits_per_weight, parameters, tensor_bytes, file_bytes, source_bytes, seconds,
       tensors: [{name, shape, stored, written, sqnr_db (null: nothing lost), bytes}]})";

/// A folder is asked for by a slash at the end, or by naming one that is there.
bool is_folder(const std::string& out) { return out.ends_with('/') || std::filesystem::is_directory(out); }

slm::JsonDocument as_json(const slm::ExportReport& report) {
  slm::JsonDocument tensors = slm::JsonDocument::array();
  for (const slm::ExportedTensor& row : report.tensors)
    tensors.push_back({{"name", row.name},
                       {"shape", row.shape.dims()},
                       {"stored", slm::name(row.stored)},
                       {"written", slm::name(row.written)},
                       {"sqnr_db", row.sqnr_db},
                       {"bytes", row.bytes}});
  return tensors;
}

std::string as_table(const slm::ExportReport& report) {
  slm::Table table({"tensor", "shape", "stored", "written", "SQNR dB", "bytes"});
  for (const slm::ExportedTensor& row : report.tensors)
    table.add({row.name, row.shape.to_string(), std::string(slm::name(row.stored)), std::string(slm::name(row.written)),
               std::isinf(row.sqnr_db) ? "exact" : fmt::format("{:.2f}", row.sqnr_db), std::to_string(row.bytes)});
  return table.text();
}

}  // namespace

int main(int argc, char** argv) {
  slm::Program program("quantize", kTeaches + slm::describe_weights(), kExamples);
  std::string path, scheme, out, name;
  std::vector<std::string> keep_fp;
  slm::add_model_option(program.options(), path);
  program.options().add_option("--scheme", scheme, "One of the schemes above")->required()->type_name("S");
  program.options().add_option("--out", out, "The file to write, or a folder/")->required()->type_name("FILE|FOLDER/");
  program.options()
      .add_option("--keep-fp", keep_fp, "Matrices to keep in bf16, by Hugging Face name; * and ? stand for any text")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  program.options().add_option("--name", name, "The model's name in the GGUF file (default: the source's)");

  return program.run(argc, argv, [&] {
    slm::SchemePlan plan = slm::parse_weights(scheme);
    plan.keep_fp = keep_fp;
    if (is_folder(out) && (!plan.weights || !keep_fp.empty()))
      throw slm::UsageError("[quantize] a Hugging Face folder has one type: --scheme f32, bf16 or f16, no --keep-fp");
    const slm::ModelFiles model = slm::ModelFiles::open(path);
    const slm::TokenizerData tokenizer = slm::load_tokenizer(path).data();
    slm::ProgressLine line("quantizing");
    const slm::ExportReport report =
        is_folder(out)
            ? slm::export_hf_folder(model, tokenizer, out, {.weights = *plan.weights, .progress = line.callback()})
            : slm::export_gguf(model, tokenizer, out, {.plan = plan, .name = name, .progress = line.callback()});
    line.finish();
    if (report.kept_tied_head)
      fmt::print(stderr, "the head is tied: model.embed_tokens.weight is embedding and head, both stay bf16\n");
    if (program.json()) {
      slm::print_json({{"out", out},
                       {"scheme", scheme},
                       {"bits_per_weight", report.bits_per_weight()},
                       {"parameters", report.parameters},
                       {"tensor_bytes", report.tensor_bytes},
                       {"file_bytes", report.file_bytes},
                       {"source_bytes", model.stored_bytes()},
                       {"seconds", program.elapsed_seconds()},
                       {"tensors", as_json(report)}});
      return;
    }
    fmt::print("{}\n{} parameters, {} → {} ({}): {:.3f} bits per weight\n", as_table(report), report.parameters,
               slm::megabytes(model.stored_bytes()), slm::megabytes(report.file_bytes), out, report.bits_per_weight());
    fmt::print(stderr, "{:.1f} s, peak memory {}\n", program.elapsed_seconds(), slm::megabytes(slm::peak_rss_bytes()));
  });
}
