// SPDX-License-Identifier: Apache-2.0
// 4-bit packed GEMM in plain C++: the norm every other variant must equal bit for bit.
#include <algorithm>

#include "slm/core/dtype.h"
#include "slm/kernels/gemm_q4/gemm_q4.h"

namespace slm::kernels {
namespace {

constexpr int kColumns = kQ4PanelColumns;

// sums[column] = Σ over the 32 codes of a group: a · (nibble − zero).
void dot_group(const int8_t* a, const uint8_t (*nibbles)[kColumns][4], int zero, int32_t* sums) {
  std::fill_n(sums, kColumns, 0);
  for (int p = 0; p < 4; ++p) {
    const int8_t* low = a + 4 * p;
    const int8_t* high = a + 16 + 4 * p;
    for (int column = 0; column < kColumns; ++column)
      for (int t = 0; t < 4; ++t) {
        const int byte = nibbles[p][column][t];
        sums[column] += low[t] * ((byte & 15) - zero) + high[t] * ((byte >> 4) - zero);
      }
  }
}

void add_group(const Q4_0Group& group, const int8_t* a, float d_a, int32_t /*offset*/, float* acc) {
  int32_t s[kColumns];
  dot_group(a, group.nibbles, 8, s);
  for (int column = 0; column < kColumns; ++column)
    acc[column] = __builtin_fmaf(static_cast<float>(s[column]) * f16_to_f32(group.d[column]), d_a, acc[column]);
}

void add_group(const Q4_1Group& group, const int8_t* a, float d_a, int32_t offset, float* acc) {
  int32_t s[kColumns];
  dot_group(a, group.nibbles, 0, s);
  for (int column = 0; column < kColumns; ++column) {
    acc[column] = __builtin_fmaf(static_cast<float>(s[column]) * f16_to_f32(group.d[column]), d_a, acc[column]);
    acc[column] =
        __builtin_fmaf(static_cast<float>(sum_of_codes(offset)) * f16_to_f32(group.m[column]), d_a, acc[column]);
  }
}

template <class Group>
void gemm(const GemmArgs& args, int64_t panel_bytes) {
  const int64_t groups = args.k / 32;
  for (int64_t first = 0; first < args.n; first += kColumns) {
    const auto* panel = reinterpret_cast<const Group*>(args.b + first / kColumns * panel_bytes);
    const int64_t columns = std::min<int64_t>(kColumns, args.n - first);
    for (int64_t row = 0; row < args.m; ++row) {
      const int8_t* a = static_cast<const int8_t*>(args.a) + row * args.a_stride;
      const float* d_a = args.a_scales + row * groups;
      const int32_t* offset = args.a_offsets + row * groups;
      float acc[kColumns] = {};
      for (int64_t g = 0; g < groups; ++g) add_group(panel[g], a + 32 * g, d_a[g], offset[g], acc);
      float* c = args.c + row * args.c_stride + first;
      for (int64_t j = 0; j < columns; ++j)
        c[j] = acc[j] + (0.0f + (args.bias != nullptr ? args.bias[first + j] : 0.0f));
    }
  }
}

}  // namespace

void gemm_q4_0_scalar(const GemmArgs& args) { gemm<Q4_0Group>(args, static_cast<int64_t>(q4_0_panel_bytes(args.k))); }
void gemm_q4_1_scalar(const GemmArgs& args) { gemm<Q4_1Group>(args, static_cast<int64_t>(q4_1_panel_bytes(args.k))); }

}  // namespace slm::kernels
