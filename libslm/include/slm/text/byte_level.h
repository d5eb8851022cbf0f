// SPDX-License-Identifier: Apache-2.0
// Byte-level spelling of GPT-2: every byte has a printable character, so that a vocabulary is text ("Ġthe" is " the").
// Radford et al. 2019, encoder.py, bytes_to_unicode.
// In: bytes.  Out: their spelling, and back.  Next: token_table.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slm {

std::string byte_level_spelling(std::string_view bytes);
/// nullopt if a character is none of the 256.
std::optional<std::string> byte_level_bytes(std::string_view spelling);

}  // namespace slm
