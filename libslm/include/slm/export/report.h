// SPDX-License-Identifier: Apache-2.0
// ExportReport: what an export wrote, tensor by tensor, and what it cost in precision and in bytes.
// In: gguf_model.h, hf_folder.h.  Out: rows for a table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slm/core/dtype.h"
#include "slm/core/shape.h"

namespace slm {

struct ExportedTensor {
  std::string name;  ///< Hugging Face name
  Shape shape;
  Dtype stored = Dtype::F32;   ///< as the source holds it
  Dtype written = Dtype::F32;  ///< as the new file holds it
  double sqnr_db = 0.0;        ///< of what was written against what was read; +∞ where nothing was lost
  uint64_t bytes = 0;          ///< in the new file, row scales included
};

struct ExportReport {
  std::vector<ExportedTensor> tensors;
  uint64_t parameters = 0;
  uint64_t tensor_bytes = 0;
  uint64_t file_bytes = 0;  ///< of the file, or of all files of the folder
  /// The head is tied and a pattern kept one of its two names: embedding and head are one matrix, so both stay BF16.
  bool kept_tied_head = false;

  double unused_bits = 0.0;  ///< of codes stored wider than their scheme's (w3g32 and w2g32 in Q4_0 blocks)

  double bits_per_weight() const { return per_weight(8.0 * static_cast<double>(tensor_bytes)); }
  double nominal_bits_per_weight() const { return per_weight(8.0 * static_cast<double>(tensor_bytes) - unused_bits); }

 private:
  double per_weight(double bits) const { return parameters == 0 ? 0.0 : bits / static_cast<double>(parameters); }
};

}  // namespace slm
