// SPDX-License-Identifier: Apache-2.0
// Panels of 8-bit weights: moves words of codes to where the kernels read them, and back bit for bit (N3).
// In: rows of Q8_0 blocks, or int8 codes with a scale per row. Out: the panels drawn in gemm_q8.h. Next: gemm_q8_*.cpp.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "slm/kernels/gemm_q8/gemm_q8.h"

namespace slm::kernels {
namespace {

// GGUF Q8_0.
struct Q8_0Block {
  uint16_t d;
  int8_t codes[32];
};
static_assert(sizeof(Q8_0Block) == 34);

/// A word of codes as they are, or each + 128: their highest bits turned over. Its own inverse.
template <int kWord, bool kUnsigned>
void copy_word(void* to, const void* from) {
  using Word = std::conditional_t<kWord == 4, uint32_t, uint64_t>;
  static_assert(sizeof(Word) == kWord);
  Word word;
  std::memcpy(&word, from, kWord);
  if constexpr (kUnsigned) word ^= static_cast<Word>(0x8080808080808080u);
  std::memcpy(to, &word, kWord);
}

template <int kWord>
size_t q8c_bytes(int64_t k) {
  return sizeof(Q8CHeader) + static_cast<size_t>((k + kWord - 1) / kWord) * sizeof(Q8Words<kWord>);
}

template <int kWord, bool kUnsigned = false>
void pack_groups(const PackArgs& args) {
  std::memset(args.panel, 0, q8_0_panel_bytes(args.k));
  auto* groups = reinterpret_cast<Q8_0Groups<kWord>*>(args.panel);
  for (int64_t g = 0; g < args.k / 32; ++g)
    for (int64_t column = 0; column < args.count; ++column) {
      Q8_0Block block;
      std::memcpy(&block, args.rows[column] + g * static_cast<int64_t>(sizeof(block)), sizeof(block));
      groups[g].d[column] = block.d;
      for (int w = 0; w < 32 / kWord; ++w)
        copy_word<kWord, kUnsigned>(groups[g].words[w].codes[column], block.codes + kWord * w);
    }
}

template <int kWord, bool kUnsigned = false>
void unpack_groups(const UnpackArgs& args) {
  const auto* groups = reinterpret_cast<const Q8_0Groups<kWord>*>(args.panel);
  for (int64_t column = args.row_begin; column < args.row_end; ++column)
    for (int64_t g = 0; g < args.k / 32; ++g) {
      Q8_0Block block;
      block.d = groups[g].d[column];
      for (int w = 0; w < 32 / kWord; ++w)
        copy_word<kWord, kUnsigned>(block.codes + kWord * w, groups[g].words[w].codes[column]);
      std::memcpy(args.rows[column - args.row_begin] + g * static_cast<int64_t>(sizeof(block)), &block, sizeof(block));
    }
}

template <int kWord, bool kUnsigned = false>
void pack_channels(const PackArgs& args) {
  std::memset(args.panel, 0, q8c_bytes<kWord>(args.k));
  auto* header = reinterpret_cast<Q8CHeader*>(args.panel);
  auto* words = reinterpret_cast<Q8Words<kWord>*>(args.panel + sizeof(Q8CHeader));
  const int64_t whole = args.k / kWord, rest = args.k % kWord;
  for (int64_t w = 0; w < whole; ++w)
    for (int64_t column = 0; column < args.count; ++column)
      copy_word<kWord, kUnsigned>(words[w].codes[column], args.rows[column] + w * kWord);
  for (int64_t column = 0; column < args.count; ++column) {
    header->d[column] = args.row_scales[column];
    if (rest == 0) continue;
    int8_t last[kWord] = {};
    std::memcpy(last, args.rows[column] + whole * kWord, static_cast<size_t>(rest));
    copy_word<kWord, kUnsigned>(words[whole].codes[column], last);
  }
}

template <int kWord, bool kUnsigned = false>
void unpack_channels(const UnpackArgs& args) {
  const auto* header = reinterpret_cast<const Q8CHeader*>(args.panel);
  const auto* words = reinterpret_cast<const Q8Words<kWord>*>(args.panel + sizeof(Q8CHeader));
  for (int64_t column = args.row_begin; column < args.row_end; ++column) {
    const int64_t row = column - args.row_begin;
    args.row_scales[row] = header->d[column];
    for (int64_t j = 0; j < args.k; j += kWord) {
      int8_t codes[kWord];
      copy_word<kWord, kUnsigned>(codes, words[j / kWord].codes[column]);
      std::memcpy(args.rows[row] + j, codes, static_cast<size_t>(std::min<int64_t>(kWord, args.k - j)));
    }
  }
}

}  // namespace

size_t q8_0_panel_bytes(int64_t k) { return (static_cast<size_t>(k / 32) * sizeof(Q8_0Group) + 63) / 64 * 64; }
size_t q8c_panel_bytes(int64_t k) { return q8c_bytes<4>(k); }
size_t q8c_octet_panel_bytes(int64_t k) { return q8c_bytes<8>(k); }
void pack_q8_0(const PackArgs& args) { pack_groups<4>(args); }
void pack_q8c(const PackArgs& args) { pack_channels<4>(args); }
void pack_q8_0_unsigned(const PackArgs& args) { pack_groups<4, true>(args); }
void pack_q8c_unsigned(const PackArgs& args) { pack_channels<4, true>(args); }
void pack_q8_0_octets(const PackArgs& args) { pack_groups<8>(args); }
void pack_q8c_octets(const PackArgs& args) { pack_channels<8>(args); }
void unpack_q8_0(const UnpackArgs& args) { unpack_groups<4>(args); }
void unpack_q8c(const UnpackArgs& args) { unpack_channels<4>(args); }
void unpack_q8_0_unsigned(const UnpackArgs& args) { unpack_groups<4, true>(args); }
void unpack_q8c_unsigned(const UnpackArgs& args) { unpack_channels<4, true>(args); }
void unpack_q8_0_octets(const UnpackArgs& args) { unpack_groups<8>(args); }
void unpack_q8c_octets(const UnpackArgs& args) { unpack_channels<8>(args); }

}  // namespace slm::kernels
