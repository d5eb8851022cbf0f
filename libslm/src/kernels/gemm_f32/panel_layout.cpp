// SPDX-License-Identifier: Apache-2.0
// Packing of float weights: rows of B interleaved so that one load of a panel is one k of consecutive columns.
// In: rows in their storage format.  Out: panels (gemm_f32_isas.h).  Next: gemm_f32_body.h reads them.
#include <cstring>

#include "kernels/gemm_f32/gemm_f32_isas.h"
#include "kernels/transpose.h"

namespace slm::kernels {
namespace {

constexpr int64_t kStep = 16;  // values of k moved at once: whole cache lines are read, whole lines are written

template <class Bits, int kColumns>
size_t panel_bytes(int64_t k) {
  return static_cast<size_t>(panel_bytes(k, kColumns, sizeof(Bits)));
}

template <class Bits, int kColumns>
void pack_panel(const PackArgs& args) {
  std::byte* panel = args.panel;
  for (int64_t j0 = 0; j0 < args.k; j0 += kStep) {
    const int64_t steps = args.k - j0 < kStep ? args.k - j0 : kStep;
    Bits tile[kStep][kColumns] = {};
    int64_t c = 0;
    if constexpr (sizeof(Bits) == sizeof(uint32_t)) {
      const std::byte* const* rows = args.rows;
      for (; steps == kStep && c + 4 <= args.count; c += 4)
        for (int64_t j = 0; j < kStep; j += 4) {
          const int64_t at = (j0 + j) * static_cast<int64_t>(sizeof(Bits));
          transpose_4x4({rows[c] + at, rows[c + 1] + at, rows[c + 2] + at, rows[c + 3] + at}, &tile[j][c], kColumns);
        }
    }
    for (; c < args.count; ++c) {
      Bits row[kStep];
      std::memcpy(row, args.rows[c] + j0 * static_cast<int64_t>(sizeof(Bits)),
                  static_cast<size_t>(steps) * sizeof(Bits));
      for (int64_t j = 0; j < steps; ++j) tile[j][c] = row[j];
    }
    std::memcpy(panel, tile, static_cast<size_t>(steps) * sizeof(tile[0]));
    panel += static_cast<size_t>(steps) * sizeof(tile[0]);
  }
  const size_t used = static_cast<size_t>(args.k) * kColumns * sizeof(Bits);
  std::memset(panel, 0, panel_bytes<Bits, kColumns>(args.k) - used);
}

template <class Bits, int kColumns>
void unpack_panel(const UnpackArgs& args) {
  for (int64_t j0 = 0; j0 < args.k; j0 += kStep) {
    const int64_t steps = args.k - j0 < kStep ? args.k - j0 : kStep;
    Bits tile[kStep][kColumns];
    std::memcpy(tile, args.panel + static_cast<size_t>(j0) * sizeof(tile[0]),
                static_cast<size_t>(steps) * sizeof(tile[0]));
    for (int64_t c = args.row_begin; c < args.row_end; ++c) {
      Bits row[kStep];
      for (int64_t j = 0; j < steps; ++j) row[j] = tile[j][c];
      std::memcpy(args.rows[c - args.row_begin] + j0 * static_cast<int64_t>(sizeof(Bits)), row,
                  static_cast<size_t>(steps) * sizeof(Bits));
    }
  }
}

template <int kColumns>
void pack_columns(const PackColumnsArgs& args) {
  auto* to = reinterpret_cast<float*>(args.panel) + args.begin * kColumns;
  for (int64_t j = 0; j < args.rows; ++j, to += kColumns) {
    const float* from = args.source + j * args.stride;
    if (args.count == kColumns) {
      std::memcpy(to, from, kColumns * sizeof(float));
      continue;
    }
    for (int64_t c = 0; c < kColumns; ++c) to[c] = c < args.count ? from[c] : 0.0f;
  }
}

template <class Bits, int kColumns>
GemmVariant row(Isa isa, GemmStorage storage, const char* name, void (*gemm)(const GemmArgs&)) {
  return {.isa = isa,
          .storage = storage,
          .name = name,
          .panel_columns = kColumns,
          .panel_bytes = panel_bytes<Bits, kColumns>,
          .pack = pack_panel<Bits, kColumns>,
          .unpack = unpack_panel<Bits, kColumns>,
          .gemm = gemm,
          .pack_columns = sizeof(Bits) == sizeof(float) ? pack_columns<kColumns> : nullptr};
}

}  // namespace

GemmVariant gemm_f32_row(Isa isa, GemmStorage storage, const char* name, int panel_columns,
                         void (*gemm)(const GemmArgs&)) {
  const bool floats = storage == GemmStorage::F32;
  if (panel_columns == 32)
    return floats ? row<uint32_t, 32>(isa, storage, name, gemm) : row<uint16_t, 32>(isa, storage, name, gemm);
  return floats ? row<uint32_t, 16>(isa, storage, name, gemm) : row<uint16_t, 16>(isa, storage, name, gemm);
}

}  // namespace slm::kernels
