// SPDX-License-Identifier: Apache-2.0
// UTF-8: one decoding step, from which validation, repair and streaming follow. Unicode 15, §3.9, table 3-7.
// In: bytes.  Out: code points, valid UTF-8.  Next: normalizer.h, stream_decoder.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slm {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// What the bytes begin with. `length` bytes form the code point, or are the maximal subpart of an ill-formed sequence
/// (the unit that one U+FFFD stands for), or, if `incomplete`, are a prefix of a character that ends with the bytes.
struct Utf8Step {
  char32_t code_point = kReplacementCharacter;
  uint8_t length = 0;
  bool valid = false;
  bool incomplete = false;
};

/// Precondition: bytes is not empty.
Utf8Step utf8_step(std::string_view bytes);
/// Bytes up to the first that is not valid UTF-8; bytes.size() if all are.
size_t valid_utf8_prefix(std::string_view bytes);
/// Each maximal subpart of an ill-formed sequence becomes one U+FFFD: Python's decode("utf-8", errors="replace").
std::string replace_invalid_utf8(std::string_view bytes);
void append_utf8(std::string& text, char32_t code_point);

/// The property White_Space.
bool is_white_space(char32_t c);
/// What Python's str.split() and str.strip() take as space: White_Space and U+001C…U+001F.
bool is_python_space(char32_t c);
/// Without the spaces of Python at both ends (str.strip(), Jinja's trim).
std::string_view strip(std::string_view text);
/// At the end alone (str.rstrip()).
std::string_view strip_end(std::string_view text);

}  // namespace slm
