// SPDX-License-Identifier: Apache-2.0
#include "slm/text/byte_level.h"

#include <array>
#include <cstdint>

#include "slm/text/utf8.h"

namespace slm {
namespace {

struct Alphabet {
  std::array<char32_t, 256> character{};
  std::array<int16_t, 0x144> byte{};  ///< by character; -1: not in the alphabet
};

/// Bytes that are printable in Latin-1 stand for themselves, the 68 others for U+0100 and on, in order.
constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (auto& byte : alphabet.byte) byte = -1;
  char32_t next = 0x100;
  for (int b = 0; b < 256; ++b) {
    const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    const char32_t c = printable ? static_cast<char32_t>(b) : next++;
    alphabet.character[static_cast<size_t>(b)] = c;
    alphabet.byte[c] = static_cast<int16_t>(b);
  }
  return alphabet;
}
constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

std::string byte_level_spelling(std::string_view bytes) {
  std::string spelling;
  for (const char b : bytes) append_utf8(spelling, kAlphabet.character[static_cast<uint8_t>(b)]);
  return spelling;
}

std::optional<std::string> byte_level_bytes(std::string_view spelling) {
  std::string bytes;
  while (!spelling.empty()) {
    const Utf8Step step = utf8_step(spelling);
    if (!step.valid || step.code_point >= kAlphabet.byte.size() || kAlphabet.byte[step.code_point] < 0)
      return std::nullopt;
    bytes.push_back(static_cast<char>(static_cast<uint8_t>(kAlphabet.byte[step.code_point])));
    spelling.remove_prefix(step.length);
  }
  return bytes;
}

}  // namespace slm
