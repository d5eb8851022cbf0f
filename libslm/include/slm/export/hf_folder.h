// SPDX-License-Identifier: Apache-2.0
// Hugging Face folder out: config.json, model.safetensors, generation_config.json and the tokenizer, as
// transformers.AutoModelForCausalLM.from_pretrained reads them.
// In: ModelFiles, TokenizerData.  Out: a folder, an ExportReport.  Next: transformers, ModelFiles::open.
#pragma once

#include <filesystem>

#include "slm/core/progress.h"
#include "slm/export/report.h"
#include "slm/model/model_files.h"
#include "slm/text/tokenizer.h"

namespace slm {

struct HfExportOptions {
  WeightScheme weights = WeightScheme::BF16;  ///< f32, bf16 or f16: every tensor, norms and biases too
  Progress progress{};                        ///< in bytes of the source
};

/// Makes `folder` if it is not there. From a folder, tokenizer files are copied and config.json keeps what it says, but
/// for the dtype; from a GGUF file, both are made anew (tokenizer.json for byte-level BPE only; another tokenizer is an
/// ArgumentError). Static inputs have no place there and are left out. Rows are decoded and encoded in parallel, a
/// few MB at a time. All files are written, under temporary names, before the first is put in place; on failure what
/// was there stays as it was and a folder made here is removed again. (Should the system refuse to rename one file
/// after it renamed others over older ones, the error names them.)
/// Throws ArgumentError (a quantized scheme; a file written would be one the model is read from; `folder` holds a file
/// of another model that loaders would read with this one; a value the type cannot hold), IoError.
ExportReport export_hf_folder(const ModelFiles& model, const TokenizerData& tokenizer,
                              const std::filesystem::path& folder, const HfExportOptions& options = {});

/// Throws what export_hf_folder would throw before it writes, and where a file could not be begun; leaves nothing
/// behind. For who has hours of work to do first.
void check_hf_export(const ModelFiles& model, const TokenizerData& tokenizer, const std::filesystem::path& folder,
                     const HfExportOptions& options = {});

}  // namespace slm
