// SPDX-License-Identifier: Apache-2.0
// Properties of characters, by utf8proc's Unicode tables.
#pragma once

#include <string>
#include <string_view>

namespace slm {

/// Each character's simple lower case; bytes that are no UTF-8 stay.
std::string lower_case(std::string_view text);
/// What \w matches in Python's re: letters and numbers of every kind, and the underscore.
bool is_word_character(char32_t c);

}  // namespace slm
