// SPDX-License-Identifier: Apache-2.0
// NFC: the composed form of a text, as the official tokenizers compute it (Unicode Standard Annex 15, by utf8proc).
// In: valid UTF-8.  Out: valid UTF-8.  Next: pretokenizer.h.
#pragma once

#include <string>
#include <string_view>

namespace slm {

/// True if the text is in NFC for certain by a scan of its characters; false says nothing.
bool is_surely_nfc(std::string_view text);
/// Hugging Face's tokenizers carry the tables of Unicode 9: combining marks that came later stay where they are and
/// compose with nothing. So do they here, whatever version utf8proc has. Cost: O(n log m), m the longest run of marks.
std::string nfc(std::string_view text);

}  // namespace slm
