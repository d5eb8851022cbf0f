// SPDX-License-Identifier: Apache-2.0
// The norm of gemm_bf16: plain loops.
#include <algorithm>
#include <cstring>

#include "kernels/gemm_bf16/gemm_bf16_isas.h"
#include "slm/core/dtype.h"

namespace slm::kernels {
namespace {

struct PairRow {
  uint16_t values[kBf16PanelColumns][2];
};

void pack(const PackArgs& args) {
  std::memset(args.panel, 0, bf16_panel_bytes(args.k));
  auto* pairs = reinterpret_cast<PairRow*>(args.panel);
  for (int64_t c = 0; c < args.count; ++c)
    for (int64_t j = 0; j < args.k; ++j) {
      float value;
      std::memcpy(&value, args.rows[c] + j * static_cast<int64_t>(sizeof(value)), sizeof(value));
      pairs[j / 2].values[c][j % 2] = f32_to_bf16(value);
    }
}

void pack_columns(const PackColumnsArgs& args) {
  auto* pairs = reinterpret_cast<PairRow*>(args.panel) + args.begin / 2;
  std::memset(pairs, 0, static_cast<size_t>((args.rows + 1) / 2) * sizeof(PairRow));
  for (int64_t j = 0; j < args.rows; ++j)
    for (int64_t c = 0; c < args.count; ++c)
      pairs[j / 2].values[c][j % 2] = f32_to_bf16(args.source[j * args.stride + c]);
}

void gemm(const GemmArgs& args) {
  const auto* a = static_cast<const float*>(args.a);
  const auto value = [](float x) { return bf16_to_f32(f32_to_bf16(x)); };
  for (int64_t i = 0; i < args.m; ++i, a += args.a_stride)
    for (int64_t n = 0; n < args.n; ++n) {
      const auto* pairs = reinterpret_cast<const PairRow*>(args.b + static_cast<size_t>(n / kBf16PanelColumns) *
                                                                        bf16_panel_bytes(args.k));
      float& c = args.c[i * args.c_stride + n];
      for (int64_t k0 = 0; k0 < args.k; k0 += kBf16DepthStep) {
        float acc = 0.0f;
        for (int64_t j = k0; j < std::min(args.k, k0 + kBf16DepthStep); j += 2) {
          const uint16_t* b = pairs[j / 2].values[n % kBf16PanelColumns];
          if (j + 1 < args.k) acc += value(a[j + 1]) * bf16_to_f32(b[1]);
          acc += value(a[j]) * bf16_to_f32(b[0]);
        }
        c = k0 > 0 || args.accumulate ? c + acc : acc;
      }
      if (args.bias != nullptr) c += args.bias[n];
    }
}

}  // namespace

GemmVariant gemm_bf16_scalar(Isa isa) {
  return gemm_bf16_row(isa, "bf16_compute_1x32_scalar", pack, pack_columns, gemm);
}

}  // namespace slm::kernels
