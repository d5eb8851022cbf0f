// SPDX-License-Identifier: Apache-2.0
// Packing: weight rows as stored → panels in the layout of the kernel that will read them.
// The variant is chosen here, once; the layout belongs to it. *Quantized* is portable, *packed* is not.
// In: MatrixSource (tensors as they lie in a file).  Out: PackedMatrix.  Next: ops/linear.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "slm/core/aligned_buffer.h"
#include "slm/core/division.h"
#include "slm/core/tensor.h"
#include "slm/kernels/packed_gemm.h"
#include "slm/quant/scheme.h"

namespace slm {

/// A weight matrix (n,k) as it is stored.
struct MatrixSource {
  std::string name;                   ///< for errors
  Tensor tensor;                      ///< (n,k): F32 F16 BF16, any GGUF block type, or I8 codes with row_scales
  std::span<const float> row_scales;  ///< (n), I8 only: value = code · row_scales[row]
  /// > 0: rows are stored as GGUF does for the `llama` architecture's q and k, see stored_row.
  int64_t paired_head_dim = 0;
  int64_t n() const { return tensor.shape()[0]; }
  int64_t k() const { return tensor.shape()[1]; }

  /// Where logical row r lies. GGUF interleaves the two rotary halves of each head:
  /// row (h, half j, i) is stored at (h, i, j).
  int64_t stored_row(int64_t r) const {
    if (paired_head_dim == 0) return r;
    const int64_t half = paired_head_dim / 2, head = r / paired_head_dim, in = r % paired_head_dim;
    return head * paired_head_dim + (in % half) * 2 + in / half;
  }
  /// The scheme whose rows these bytes already are, if a kernel can read them.
  std::optional<WeightScheme> native() const;
  /// Values of logical row r, (k) floats.
  void decode_row(int64_t r, std::span<float> values) const;
  /// Throws ArgumentError where the row as it is stored, natively, holds a value that is not finite; else does nothing.
  void check_stored_row(int64_t stored) const;
};

/// Told rows [begin, end) that were read and are not needed for now: their pages may go.
using RowsRead = std::function<void(int64_t begin, int64_t end)>;

/// Of schemes of one scale per tensor: the source's parameters, by a pass over its rows in steps of a few MB. Others:
/// none. Throws FormatError that names source and row where a value is not finite.
std::optional<GridParams> tensor_params(WeightScheme scheme, const MatrixSource& source,
                                        const RowsRead& rows_read = {});

class PackedMatrix {
 public:
  PackedMatrix() = default;
  /// Room for (n,k), uninitialised. Throws ArgumentError as check_depth.
  PackedMatrix(WeightScheme scheme, int64_t n, int64_t k);

  WeightScheme scheme() const { return scheme_; }
  int64_t n() const { return n_; }
  int64_t k() const { return k_; }
  const kernels::GemmVariant& variant() const { return *variant_; }
  int64_t panels() const { return ceil_div<int64_t>(n_, variant_->panel_columns); }
  const std::byte* panel(int64_t p) const { return data_.data() + static_cast<size_t>(p) * panel_bytes_; }
  std::byte* panel(int64_t p) { return data_.data() + static_cast<size_t>(p) * panel_bytes_; }
  size_t bytes() const { return data_.size(); }

  /// Values of row r, (k) floats: what the kernels multiply with. For embeddings. Does not allocate; scratch has at
  /// least row_bytes(scheme,k) bytes. Throws ArgumentError on a row or a size out of range.
  void decode_row(int64_t r, std::span<std::byte> scratch, std::span<float> values) const;
  /// The row as quantized: bit for bit what was packed. row_scale: where has_row_scales(scheme()). Throws as
  /// decode_row.
  void unpack_row(int64_t r, std::span<std::byte> row, float* row_scale) const;

 private:
  WeightScheme scheme_ = WeightScheme::F32;
  int64_t n_ = 0, k_ = 0;
  const kernels::GemmVariant* variant_ = nullptr;
  size_t panel_bytes_ = 0;
  AlignedBuffer data_;
};

struct PackOptions {
  /// Hold the scheme's values as f32 instead of its codes: the arithmetic of training. Measures a scheme apart from its
  /// kernels. Rows of a type the scheme is native to keep their own scales, as they do when they are packed.
  bool fake_quantized = false;
  /// Called from the packing thread after rows [begin, end) of source i were read: their pages may go. Schemes of one
  /// scale per tensor read every row twice.
  std::function<void(size_t source, int64_t begin, int64_t end)> rows_done;
};

/// Packs the sources' rows one after another into one matrix. Rows the scheme is native to are packed straight
/// from their bytes, others are decoded and encoded by quant/rows. Threaded over panels, in steps of a few MB. Throws
/// ArgumentError (different k, shape not (n,k), as check_depth); FormatError that names source and row where a value is
/// not finite or overflows the scheme.
PackedMatrix pack(WeightScheme scheme, std::span<const MatrixSource> sources, const PackOptions& options = {});

}  // namespace slm
