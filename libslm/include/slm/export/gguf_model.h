// SPDX-License-Identifier: Apache-2.0
// GGUF out: a model and its tokenizer as one GGUF file. F32 F16 BF16 Q8_0 Q4_0 Q4_1 are types that llama.cpp reads.
// w8c, which GGUF has no type for, is I8 codes with an F32 tensor of row scales beside them and `slm.*` keys: only
// libslm reads it. In: ModelFiles, TokenizerData, SchemePlan.  Out: a file, an ExportReport.
// Next: ModelFiles::open, llama.cpp.
#pragma once

#include <filesystem>
#include <string>

#include "slm/core/progress.h"
#include "slm/export/report.h"
#include "slm/model/model_files.h"
#include "slm/model/scheme_plan.h"
#include "slm/text/tokenizer.h"

namespace slm {

struct GgufExportOptions {
  SchemePlan plan;      ///< default: as stored where GGUF-out has the type, w8g32 otherwise
  std::string name;     ///< general.name; empty: the source's, else its file's or folder's
  Progress progress{};  ///< in bytes of the source
};

/// Writes `out` atomically. Matrices get the plan's scheme, norms and biases F32. Rows that are on the wanted grid
/// already are copied byte for byte, others decoded and encoded (quant/rows.h), in parallel, a few MB at a time; the
/// source's pages are given back as they were read. q and k of the `llama` architecture are interleaved as GGUF wants
/// them. A tied head is not written twice. Rows of the embedding that the tokenizer has no token for are named [PADi],
/// type Unused, as llama.cpp's converter does. Throws ArgumentError before anything is written (a scheme that does not
/// fit a matrix, a pattern that matches nothing, `out` is the source, a tokenizer GGUF cannot describe) and for a value
/// the scheme cannot hold (the tensor is named); IoError (disk full …). No half file is left. Cost: about one read of
/// the source; encoding ≥ 100 MB/s a core.
ExportReport export_gguf(const ModelFiles& model, const TokenizerData& tokenizer, const std::filesystem::path& out,
                         const GgufExportOptions& options = {});

/// Throws what export_gguf would throw before it writes, and where the file could not be begun; leaves nothing behind.
/// For who has hours of work to do first.
void check_gguf_export(const ModelFiles& model, const TokenizerData& tokenizer, const std::filesystem::path& out,
                       const GgufExportOptions& options = {});

}  // namespace slm
