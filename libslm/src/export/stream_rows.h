// SPDX-License-Identifier: Apache-2.0
// Streaming: one tensor from a mapped file to a sink under a scheme, a few MB in flight, and what the scheme lost on
// the way. In: ModelTensor, scheme, order of rows.  Out: bytes in a sink, SQNR.  Next: gguf_model.h, hf_folder.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "slm/model/model_files.h"
#include "slm/quant/sqnr.h"

namespace slm {

using RowSink = std::function<void(std::span<const std::byte>)>;

/// The inverse of MatrixSource::stored_row: which logical row lies at `stored` of a file that pairs rotary rows.
int64_t logical_row(int64_t stored, int64_t paired_head_dim);

struct StreamedTensor {
  SqnrAccumulator sqnr;
  std::vector<float> row_scales;  ///< where has_row_scales, in the order of the rows written
};

/// Writes the rows of a matrix as `scheme` stores them; paired_head_dim > 0: in the order GGUF has for q and k of
/// `llama`, else in the model's. Gives the source's pages back. The same bytes and the same SQNR for every number of
/// threads. Throws ArgumentError naming the tensor.
StreamedTensor stream_matrix(const ModelTensor& tensor, WeightScheme scheme, int64_t paired_head_dim,
                             const RowSink& sink);

/// The same for a vector (norm, bias) held whole.
StreamedTensor stream_vector(const ModelFiles& model, const ModelTensor& tensor, WeightScheme scheme,
                             int64_t paired_head_dim, const RowSink& sink);

/// Throws ArgumentError where writing `out` would replace the file that `model` is, or any file of the folder it is:
/// weights, config, tokenizer.
void check_is_not_source(const ModelFiles& model, const std::filesystem::path& out);

}  // namespace slm
