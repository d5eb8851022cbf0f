// SPDX-License-Identifier: Apache-2.0
// Panels of 4-bit weights: moves the words of GGUF blocks to where the kernels read them, and back bit for bit (N3).
// In: rows of Q4_0 / Q4_1 blocks. Out: the panel drawn in gemm_q4.h. Next: gemm_q4_*.cpp.
#include <cstring>

#include "slm/kernels/gemm_q4/gemm_q4.h"

namespace slm::kernels {
namespace {

// What differs between the two storages: where a GGUF block keeps its halfs and its 16 bytes of nibbles; kWord: bytes
// of a word of the panel.
template <int kWord>
struct Q4_0Block {
  using Group = Q4_0Groups<kWord>;
  static constexpr int kWordBytes = kWord;
  uint16_t d;
  uint8_t nibbles[16];
  void put_halfs(Group& group, int64_t column) const { group.d[column] = d; }
  void take_halfs(const Group& group, int64_t column) { d = group.d[column]; }
};
template <int kWord>
struct Q4_1Block {
  using Group = Q4_1Groups<kWord>;
  static constexpr int kWordBytes = kWord;
  uint16_t d, m;
  uint8_t nibbles[16];
  void put_halfs(Group& group, int64_t column) const { group.d[column] = d, group.m[column] = m; }
  void take_halfs(const Group& group, int64_t column) { d = group.d[column], m = group.m[column]; }
};
static_assert(sizeof(Q4_0Block<4>) == 18 && sizeof(Q4_1Block<4>) == 20);

template <class Block>
size_t panel_bytes(int64_t k) {
  return (static_cast<size_t>(k / 32) * sizeof(typename Block::Group) + 63) / 64 * 64;
}

template <class Block>
void pack(const PackArgs& args) {
  std::memset(args.panel, 0, panel_bytes<Block>(args.k));
  auto* groups = reinterpret_cast<typename Block::Group*>(args.panel);
  for (int64_t column = 0; column < args.count; ++column)
    for (int64_t g = 0; g < args.k / 32; ++g) {
      Block block;
      std::memcpy(&block, args.rows[column] + g * static_cast<int64_t>(sizeof(Block)), sizeof(Block));
      block.put_halfs(groups[g], column);
      for (int p = 0; p < 16 / Block::kWordBytes; ++p)
        std::memcpy(groups[g].nibbles[p][column], block.nibbles + Block::kWordBytes * p, Block::kWordBytes);
    }
}

template <class Block>
void unpack(const UnpackArgs& args) {
  const auto* groups = reinterpret_cast<const typename Block::Group*>(args.panel);
  for (int64_t column = args.row_begin; column < args.row_end; ++column)
    for (int64_t g = 0; g < args.k / 32; ++g) {
      Block block;
      block.take_halfs(groups[g], column);
      for (int p = 0; p < 16 / Block::kWordBytes; ++p)
        std::memcpy(block.nibbles + Block::kWordBytes * p, groups[g].nibbles[p][column], Block::kWordBytes);
      std::memcpy(args.rows[column - args.row_begin] + g * static_cast<int64_t>(sizeof(Block)), &block, sizeof(Block));
    }
}

}  // namespace

size_t q4_0_panel_bytes(int64_t k) { return panel_bytes<Q4_0Block<4>>(k); }
size_t q4_1_panel_bytes(int64_t k) { return panel_bytes<Q4_1Block<4>>(k); }
void pack_q4_0(const PackArgs& args) { pack<Q4_0Block<4>>(args); }
void pack_q4_1(const PackArgs& args) { pack<Q4_1Block<4>>(args); }
void unpack_q4_0(const UnpackArgs& args) { unpack<Q4_0Block<4>>(args); }
void unpack_q4_1(const UnpackArgs& args) { unpack<Q4_1Block<4>>(args); }
void pack_q4_0_octets(const PackArgs& args) { pack<Q4_0Block<8>>(args); }
void pack_q4_1_octets(const PackArgs& args) { pack<Q4_1Block<8>>(args); }
void unpack_q4_0_octets(const UnpackArgs& args) { unpack<Q4_0Block<8>>(args); }
void unpack_q4_1_octets(const UnpackArgs& args) { unpack<Q4_1Block<8>>(args); }

}  // namespace slm::kernels
