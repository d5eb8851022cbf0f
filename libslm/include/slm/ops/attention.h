// SPDX-License-Identifier: Apache-2.0
// Causal grouped-query attention over a blocked KV cache (Ainslie et al. 2023; Vaswani et al. 2017, eq. 1):
//   out = softmax(q·kᵀ·scale)·v over the keys a row may see. The loop: kernels/attention. No T×T matrix.
#pragma once

#include <cstdint>
#include <span>

#include "slm/core/matrix_view.h"
#include "slm/kernels/attention/variants.h"

namespace slm {

/// The keys and values of one layer and one sequence: for each KV head, its first K and V block
/// (kernels/attention/attention.h has the layout).
struct KvLayer {
  const std::byte* k = nullptr;
  const std::byte* v = nullptr;
  int64_t head_stride_bytes = 0;  ///< between the first blocks of consecutive KV heads
};

struct AttentionShape {
  int64_t heads, kv_heads, head_dim;
  float scale;
  /// Throws ArgumentError where heads are not whole groups of KV heads, or of a size no kernel has; `op` begins the
  /// message.
  void check(const char* op) const;
};

/// q, out (T, H·Dh); row t sees keys [key_begin[t], key_end[t]). scratch: attention_scratch_floats(Dh) floats a thread;
/// no more threads work than it has room for, at least one. Threads split KV heads and row tiles. Throws ArgumentError
/// on shapes.
void attention_into(const kernels::AttentionVariant& variant, const AttentionShape& shape, ConstMatrixView q,
                    const KvLayer& kv, std::span<const int32_t> key_begin, std::span<const int32_t> key_end,
                    std::span<float> scratch, MatrixView out);

}  // namespace slm
