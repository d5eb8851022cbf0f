// SPDX-License-Identifier: Apache-2.0
// 8-bit packed GEMM in plain C++: the norm every other variant must equal bit for bit.
#include <algorithm>

#include "slm/core/dtype.h"
#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

constexpr int kColumns = kQ8PanelColumns;

// sums[column] += Σ_j a[j]·code_b[j], j < count (≤ 4).
void add_quad(const int8_t* a, const Q8Quad& quad, int64_t count, int32_t* sums) {
  for (int64_t t = 0; t < count; ++t)
    for (int column = 0; column < kColumns; ++column) sums[column] += a[t] * quad.codes[column][t];
}

// One row of c, the columns of one panel: bit for bit what packed_gemm.h says.
void row_q8_0(const GemmArgs& args, int64_t row, const Q8_0Group* panel, const float* bias, int64_t columns, float* c) {
  const int64_t groups = args.k / 32;
  const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
  float acc[kColumns] = {};
  for (int64_t g = 0; g < groups; ++g) {
    int32_t s[kColumns] = {};
    for (int64_t q = 0; q < 8; ++q) add_quad(a + 32 * g + 4 * q, panel[g].words[q], 4, s);
    const float d_a = args.a_scales[row * groups + g];
    for (int column = 0; column < kColumns; ++column)
      acc[column] = __builtin_fmaf(static_cast<float>(s[column]) * f16_to_f32(panel[g].d[column]), d_a, acc[column]);
  }
  for (int64_t j = 0; j < columns; ++j) c[j] = acc[j] + (0.0f + (bias != nullptr ? bias[j] : 0.0f));
}

void row_q8c(const GemmArgs& args, int64_t row, const std::byte* panel, const float* bias, int64_t columns, float* c) {
  const auto* d_b = reinterpret_cast<const Q8CHeader*>(panel)->d;
  const auto* quads = reinterpret_cast<const Q8Quad*>(panel + sizeof(Q8CHeader));
  const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
  int32_t s[kColumns] = {};
  for (int64_t j = 0; j < args.k; j += 4) add_quad(a + j, quads[j / 4], std::min<int64_t>(4, args.k - j), s);
  for (int64_t j = 0; j < columns; ++j)
    c[j] = __builtin_fmaf(static_cast<float>(s[j]), args.a_scales[row] * d_b[j], bias != nullptr ? bias[j] : 0.0f);
}

}  // namespace

void gemm_q8_0_scalar(const GemmArgs& args) {
  const auto panel_bytes = static_cast<int64_t>(q8_0_panel_bytes(args.k));
  for (int64_t first = 0; first < args.n; first += kColumns) {
    const auto* panel = reinterpret_cast<const Q8_0Group*>(args.b + first / kColumns * panel_bytes);
    for (int64_t row = 0; row < args.m; ++row)
      row_q8_0(args, row, panel, args.bias != nullptr ? args.bias + first : nullptr,
               std::min<int64_t>(kColumns, args.n - first), args.c + row * args.c_stride + first);
  }
}

void gemm_q8c_scalar(const GemmArgs& args) {
  const auto panel_bytes = static_cast<int64_t>(q8c_panel_bytes(args.k));
  for (int64_t first = 0; first < args.n; first += kColumns) {
    const std::byte* panel = args.b + first / kColumns * panel_bytes;
    for (int64_t row = 0; row < args.m; ++row)
      row_q8c(args, row, panel, args.bias != nullptr ? args.bias + first : nullptr,
              std::min<int64_t>(kColumns, args.n - first), args.c + row * args.c_stride + first);
  }
}

}  // namespace slm::kernels
