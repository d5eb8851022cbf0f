// SPDX-License-Identifier: Apache-2.0
// Panels of 8-bit weights: moves words of four codes to where the kernels read them, and back bit for bit (N3).
// In: rows of Q8_0 blocks, or int8 codes with a scale per row. Out: the panels drawn in gemm_q8.h. Next: gemm_q8_*.cpp.
#include <algorithm>
#include <cstring>

#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

// GGUF Q8_0.
struct Q8_0Block {
  uint16_t d;
  int8_t codes[32];
};
static_assert(sizeof(Q8_0Block) == 34);

}  // namespace

size_t q8_0_panel_bytes(int64_t k) { return (static_cast<size_t>(k / 32) * sizeof(Q8_0Group) + 63) / 64 * 64; }

size_t q8c_panel_bytes(int64_t k) { return sizeof(Q8CHeader) + static_cast<size_t>((k + 3) / 4) * sizeof(Q8Quad); }

void pack_q8_0(const PackArgs& args) {
  std::memset(args.panel, 0, q8_0_panel_bytes(args.k));
  auto* groups = reinterpret_cast<Q8_0Group*>(args.panel);
  for (int64_t column = 0; column < args.count; ++column)
    for (int64_t g = 0; g < args.k / 32; ++g) {
      Q8_0Block block;
      std::memcpy(&block, args.rows[column] + g * static_cast<int64_t>(sizeof(block)), sizeof(block));
      groups[g].d[column] = block.d;
      for (int q = 0; q < 8; ++q) std::memcpy(groups[g].quads[q].codes[column], block.codes + 4 * q, 4);
    }
}

void unpack_q8_0(const UnpackArgs& args) {
  const auto* groups = reinterpret_cast<const Q8_0Group*>(args.panel);
  for (int64_t column = args.row_begin; column < args.row_end; ++column)
    for (int64_t g = 0; g < args.k / 32; ++g) {
      Q8_0Block block;
      block.d = groups[g].d[column];
      for (int q = 0; q < 8; ++q) std::memcpy(block.codes + 4 * q, groups[g].quads[q].codes[column], 4);
      std::memcpy(args.rows[column - args.row_begin] + g * static_cast<int64_t>(sizeof(block)), &block, sizeof(block));
    }
}

void pack_q8c(const PackArgs& args) {
  std::memset(args.panel, 0, q8c_panel_bytes(args.k));
  auto* header = reinterpret_cast<Q8CHeader*>(args.panel);
  auto* quads = reinterpret_cast<Q8Quad*>(args.panel + sizeof(Q8CHeader));
  for (int64_t column = 0; column < args.count; ++column) {
    header->d[column] = args.row_scales[column];
    for (int64_t j = 0; j < args.k; j += 4)
      std::memcpy(quads[j / 4].codes[column], args.rows[column] + j,
                  static_cast<size_t>(std::min<int64_t>(4, args.k - j)));
  }
}

void unpack_q8c(const UnpackArgs& args) {
  const auto* header = reinterpret_cast<const Q8CHeader*>(args.panel);
  const auto* quads = reinterpret_cast<const Q8Quad*>(args.panel + sizeof(Q8CHeader));
  for (int64_t column = args.row_begin; column < args.row_end; ++column) {
    const int64_t row = column - args.row_begin;
    args.row_scales[row] = header->d[column];
    for (int64_t j = 0; j < args.k; j += 4)
      std::memcpy(args.rows[row] + j, quads[j / 4].codes[column],
                  static_cast<size_t>(std::min<int64_t>(4, args.k - j)));
  }
}

}  // namespace slm::kernels
