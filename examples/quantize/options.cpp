// SPDX-License-Identifier: Apache-2.0
#include "quantize/options.h"

#include <filesystem>

#include "cli/model_options.h"
#include "cli/option_values.h"
#include "cli/program.h"
#include "slm/text/utf8.h"

namespace slm {

const char* const kQuantizeTeaches =
    R"(Writes a model under a weight scheme: a GGUF file or, with --out FOLDER/, a Hugging Face folder for transformers
(f32, bf16, f16). In a GGUF file schemes of groups (g32, g64, g128) are stored as Q4_0, Q4_1 or Q8_0 blocks, which
llama.cpp reads; those of channels and tensors (c, t) only libslm reads. Each value is rounded to the nearest of its
scheme. SQNR says how far that is: the power of the weights over that of the error, about 6 dB a
bit. Norms and biases are f32 in a GGUF file, in a folder they have its one type.
Ctrl-C leaves nothing behind: what was there before stays as it was.)";

std::string quantize_examples() {
  return describe_weights() + R"(
Examples:
  quantize --model models/qwen2.5-0.5b --scheme w4g32 --out qwen-q4_0.gguf
  quantize --model model.gguf --scheme w4g32 --keep-fp 'model.layers.0.*' --keep-fp lm_head.weight --out q.gguf
  quantize --model model.gguf --scheme bf16 --out folder/
JSON: {out, scheme, bits_per_weight, nominal_bits_per_weight, parameters, tensor_bytes, file_bytes,
       source_bytes, seconds, tensors: [{name, shape, stored, written, sqnr_db (null: nothing lost), bytes}]})";
}

void add_quantize_options(CLI::App& app, QuantizeOptions& o) {
  add_model_option(app, o.model);
  app.add_option("--scheme", o.scheme, "One of the schemes below")
      ->check(CLI::Validator(refuse_unknown_weights, ""))
      ->required()
      ->type_name("S");
  app.add_option("--out", o.out, "The file to write, or a folder/")
      ->required()
      ->check(not_empty())
      ->type_name("FILE|FOLDER/");
  app.add_option("--keep-fp", o.keep_fp, "Matrices to keep in bf16, by Hugging Face name; * and ? stand for any text")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  app.add_option("--name", o.name, "The model's name in the GGUF file (default: the source's)")
      ->check([](const std::string& name) {
        return valid_utf8_prefix(name) == name.size() ? "" : "expected UTF-8, as in every GGUF file";
      })
      ->type_name("S");
  app.add_flag("--verbose", o.verbose, "A line for each tensor, not for each kind (JSON always has all tensors)");
}

SchemePlan plan_of(const QuantizeOptions& o) {
  SchemePlan plan = parse_weights(o.scheme);
  plan.keep_fp = o.keep_fp;
  return plan;
}

bool asks_for_folder(const QuantizeOptions& o, const SchemePlan& plan) {
  std::error_code error;  // what the system cannot tell, opening the file will
  if (!o.out.ends_with('/') && !std::filesystem::is_directory(o.out, error)) return false;
  const std::optional<WeightScheme> s = plan.weights;
  const bool fits = s == WeightScheme::F32 || s == WeightScheme::BF16 || s == WeightScheme::F16;
  if (!fits || !o.keep_fp.empty())
    throw UsageError("[quantize] a Hugging Face folder has one type: --scheme f32, bf16 or f16, no --keep-fp");
  if (!o.name.empty()) throw UsageError("[quantize] --name is for a GGUF file, a Hugging Face folder has no name");
  return true;
}

}  // namespace slm
