// SPDX-License-Identifier: Apache-2.0
// Float GEMM, plain: the norm the other variants equal bit for bit.  c = Σ_j a[j]·b[j] in one fma chain, then + bias.
#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "slm/core/dtype.h"

namespace slm::kernels {
namespace {

constexpr int kColumns = 16;

float value(float element) { return element; }
struct Bf16Bits {
  uint16_t bits;
};
float value(Bf16Bits element) { return bf16_to_f32(element.bits); }
struct F16Bits {
  uint16_t bits;
};
float value(F16Bits element) { return f16_to_f32(element.bits); }

template <class Element>
void gemm(const GemmArgs& args) {
  const auto* a = static_cast<const float*>(args.a);
  const auto panel_stride = static_cast<size_t>(panel_bytes(args.k, kColumns, sizeof(Element)));
  for (int64_t n0 = 0; n0 < args.n; n0 += kColumns) {
    const auto* panel = reinterpret_cast<const Element*>(args.b + static_cast<size_t>(n0 / kColumns) * panel_stride);
    const int64_t columns = args.n - n0 < kColumns ? args.n - n0 : kColumns;
    for (int64_t i = 0; i < args.m; ++i) {
      float* out = args.c + i * args.c_stride + n0;
      float acc[kColumns] = {};
      for (int64_t c = 0; c < columns && args.accumulate; ++c) acc[c] = out[c];
      for (int64_t j = 0; j < args.k; ++j) {
        const float x = a[i * args.a_stride + j];
        for (int64_t c = 0; c < columns; ++c) acc[c] = __builtin_fmaf(x, value(panel[j * kColumns + c]), acc[c]);
      }
      for (int64_t c = 0; c < columns; ++c) out[c] = args.bias != nullptr ? acc[c] + args.bias[n0 + c] : acc[c];
    }
  }
}

}  // namespace

GemmVariant gemm_f32_scalar(Isa isa, GemmStorage storage) {
  if (storage == GemmStorage::BF16) return gemm_f32_row(isa, storage, "bf16_1x16_scalar", kColumns, gemm<Bf16Bits>);
  if (storage == GemmStorage::F16) return gemm_f32_row(isa, storage, "f16_1x16_scalar", kColumns, gemm<F16Bits>);
  return gemm_f32_row(isa, storage, "f32_1x16_scalar", kColumns, gemm<float>);
}

}  // namespace slm::kernels
